// Receivers that hold others up: one that shows no sign of life is cut off, and its publishers go on; one that lives is not, however
// slow it is.

import { describe, expect, test } from "vitest";

import { Deliveries } from "../support/deliveries.ts";
import { Embedded, numbered, upTo } from "../support/embedded.ts";
import { ext1 } from "../support/msgpack.ts";
import { Op, type RawClient } from "../support/raw-client.ts";

const STALL_MS = 400;

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Answers every PING for `ms`. */
async function living(client: RawClient, ms: number): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end;) {
    for (const [op] of client.pending()) if (op === Op.PING) client.send(Op.PONG);
    await delay(10);
  }
}

describe("cut off as stalled", () => {
  test("a subscriber that stops reading: its publisher goes on at once", async () => {
    await using bus = await Embedded.start({ stallMs: STALL_MS });
    const healthy = await bus.having([Op.SUB, 1, "t"]);
    const stopped = await bus.having([Op.SUB, 1, "t", ext1({ maxMessages: 100 })]);
    stopped.stopReading();
    const publisher = await bus.connect();
    publisher.write(numbered("t", 0, 2000, 500));
    await publisher.until(([op]) => op === Op.XOFF);
    const began = Date.now();
    await publisher.until(([op]) => op === Op.XON);
    const tookMs = Date.now() - began;
    expect(tookMs).toBeGreaterThan(STALL_MS / 2);
    expect((await healthy.take(Op.PUB, 2000)).length).toBe(2000);
    stopped.startReading();
    const [last] = (await stopped.until(([op]) => op === Op.ERR)).slice(-1);
    expect(last!.slice(0, 3)).toEqual([Op.ERR, null, "stalled"]);
    await stopped.closed();
    expect(bus.imbalance).toBe(0);
  });

  test("a member that holds messages, takes what the kernel takes and answers nothing; its share goes to the others", async () => {
    await using bus = await Embedded.start({ stallMs: STALL_MS, heartbeatMs: STALL_MS / 4 });
    const options = ext1({ queue: "q", ack: true, ackTimeoutMs: 0, prefetch: 2, maxMessages: 2 });
    const hung = await bus.having([Op.SUB, 1, "t", options]);
    const publisher = await bus.connect();
    publisher.write(numbered("t", 0, 6, 20));
    await publisher.until(([op]) => op === Op.XOFF);
    // It reads, as far as the kernel goes, and there is room for every PING; but it says nothing.
    const [error] = (await hung.until(([op]) => op === Op.ERR)).slice(-1);
    expect(error!.slice(0, 3)).toEqual([Op.ERR, null, "stalled"]);
    await hung.closed();
    await publisher.until(([op]) => op === Op.XON);
  });

  test("the share of a hung member goes to those that work, in order; only what it worked on has had an attempt", async () => {
    await using bus = await Embedded.start({ stallMs: STALL_MS });
    const options = { queue: "q", ack: true, ackTimeoutMs: 0, maxMessages: 2 };
    const hung = await bus.having([Op.SUB, 1, "t", ext1({ ...options, prefetch: 3 })]);
    const publisher = await bus.connect();
    publisher.write(numbered("t", 0, 3, 20));
    await publisher.sync();
    await new Deliveries(hung).take(3);
    const worker = await bus.having([Op.SUB, 1, "t", ext1({ ...options, prefetch: 1 })]);
    publisher.write(numbered("t", 3, 4, 20));
    await publisher.until(([op]) => op === Op.XOFF);
    const deliveries = new Deliveries(worker);
    expect(await deliveries.payloads(1)).toEqual([3]);
    while (bus.stats.clients === 3) {
      worker.send(Op.PONG);
      await delay(10);
    }
    await hung.closed();
    const came: [unknown, number][] = [];
    for (let seq = 1; seq <= 6; seq++) {
      worker.send(Op.ACK, 1, seq, seq, 0);
      const [next] = await deliveries.take(1);
      came.push([next!.payload, next!.attempt]);
    }
    expect(came).toEqual([
      [0, 2],
      [1, 1],
      [2, 1],
      [4, 1],
      [5, 1],
      [6, 1],
    ]);
    expect(bus.stats).toMatchObject({ redelivered: 3, clients: 2 });
  });

  test("a sid that is held, and that the client does not repeat", async () => {
    await using bus = await Embedded.start({ stallMs: STALL_MS });
    const holder = await bus.having([Op.SUB, 1, "t", ext1({ maxMessages: 2 })]);
    holder.send(Op.XOFF, 1);
    await holder.sync();
    const publisher = await bus.connect();
    publisher.write(numbered("t", 0, 4, 20));
    await publisher.until(([op]) => op === Op.XOFF);
    // It lives, and answers every PING; but it makes no progress.
    const end = Date.now() + STALL_MS * 20;
    let isOver = false;
    while (!isOver && Date.now() < end) {
      holder.send(Op.PONG);
      await delay(20);
      isOver = holder.pending().some(([op, , code]) => op === Op.ERR && code === "stalled");
    }
    expect(isOver).toBe(true);
    await publisher.until(([op]) => op === Op.XON);
  });

  test("clients that the broker has paused, and that wait for each other in a ring", async () => {
    await using bus = await Embedded.start({ stallMs: STALL_MS, headroom: 1000 });
    const a = await bus.having([Op.SUB, 1, "to.a", ext1({ maxMessages: 2 })]);
    const b = await bus.having([Op.SUB, 1, "to.b", ext1({ maxMessages: 2 })]);
    for (const client of [a, b]) {
      client.send(Op.XOFF, 1);
      await client.sync();
    }
    // Each fills the other, and goes on beyond its headroom until it is not read from.
    a.write(numbered("to.b", 0, 100, 200));
    b.write(numbered("to.a", 0, 100, 200));
    await bus.until(({ clients }) => clients < 2);
    expect(bus.imbalance).toBe(0);
  });
});

describe("not cut off", () => {
  test("a member that works on one message for ten times as long, and answers PINGs", async () => {
    await using bus = await Embedded.start({ stallMs: STALL_MS });
    const slow = await bus.having([
      Op.SUB,
      1,
      "t",
      ext1({ queue: "q", ack: true, ackTimeoutMs: 0, prefetch: 1, maxMessages: 1 }),
    ]);
    const publisher = await bus.connect();
    publisher.write(numbered("t", 0, 3, 20));
    await publisher.until(([op]) => op === Op.XOFF);
    await living(slow, STALL_MS * 5);
    expect(bus.stats.clients).toBe(2);
    for (let seq = 1; seq <= 3; seq++) slow.send(Op.ACK, 1, seq, seq, 0);
    await publisher.until(([op]) => op === Op.XON);
  });

  test("a client that repeats the XOFF of the sid that it holds", async () => {
    await using bus = await Embedded.start({ stallMs: STALL_MS });
    const holder = await bus.having([Op.SUB, 1, "t", ext1({ maxMessages: 2 })]);
    const publisher = await bus.connect();
    holder.send(Op.XOFF, 1);
    await holder.sync();
    publisher.write(numbered("t", 0, 4, 20));
    await publisher.until(([op]) => op === Op.XOFF);
    for (let i = 0; i < 20; i++) {
      holder.send(Op.XOFF, 1);
      await living(holder, STALL_MS / 5);
    }
    expect(bus.stats.clients).toBe(2);
    holder.send(Op.XON, 1);
    expect(await new Deliveries(holder).payloads(4)).toEqual(upTo(4));
  });

  test("a silent one for whom nobody waits", async () => {
    await using bus = await Embedded.start({ stallMs: STALL_MS });
    const silent = await bus.having([Op.SUB, 1, "t", ext1({ overflow: "drop-oldest", maxMessages: 2 })]);
    silent.send(Op.XOFF, 1);
    const publisher = await bus.connect();
    publisher.write(numbered("t", 0, 10, 20));
    await publisher.sync();
    await delay(STALL_MS * 3);
    expect(bus.stats.clients).toBe(2);
  });

  test("one that is paused by the broker for another's sake", async () => {
    await using bus = await Embedded.start({ stallMs: STALL_MS, headroom: 1000 });
    // The first holds the second up, whose own subscription holds up a third; the first lives.
    const first = await bus.having([Op.SUB, 1, "to.first", ext1({ maxMessages: 2 })]);
    first.send(Op.XOFF, 1);
    await first.sync();
    const second = await bus.having([Op.SUB, 1, "to.second", ext1({ maxMessages: 2 })]);
    second.stopReading();
    second.write(numbered("to.first", 0, 100, 200));
    const third = await bus.connect();
    third.write(numbered("to.second", 0, 4000, 200));
    await third.until(([op]) => op === Op.XOFF);
    for (let i = 0; i < 15; i++) {
      first.send(Op.XOFF, 1);
      await living(first, STALL_MS / 5);
    }
    expect(bus.stats.clients).toBe(3);
  });
});

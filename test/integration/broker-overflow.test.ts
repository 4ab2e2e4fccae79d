// Each overflow policy at real sockets: what is dropped is known to the message, and told where it is missing; and who holds whom
// up is always answered.

import { describe, expect, test } from "vitest";

import { Deliveries } from "../support/deliveries.ts";
import { Embedded, numbered, upTo } from "../support/embedded.ts";
import { type Element, ext1, frame } from "../support/msgpack.ts";
import { Op, type RawClient } from "../support/raw-client.ts";

/** A subscriber that holds its subscription, so that nothing but its queue takes what is published. */
async function holding(bus: Embedded, options: Record<string, Element>): Promise<RawClient> {
  const client = await bus.having([Op.SUB, 1, "t.>", ext1(options)]);
  client.send(Op.XOFF, 1);
  await client.sync();
  return client;
}

async function released(client: RawClient): Promise<{ payloads: Element[]; gaps: Deliveries["gaps"] }> {
  client.send(Op.XON, 1);
  const deliveries = new Deliveries(client);
  // What is let go comes with the end of the turn: a second SYNC is behind it.
  const came = [...(await deliveries.synced()), ...(await deliveries.synced())];
  const payloads = came.map(({ payload }) => payload);
  return { payloads, gaps: deliveries.gaps };
}

describe("drop-oldest", () => {
  test("the newest are kept, to the message, and the GAP stands in front of them", async () => {
    await using bus = await Embedded.start();
    const client = await holding(bus, { overflow: "drop-oldest", maxMessages: 10 });
    const publisher = await bus.connect();
    publisher.write(numbered("t.a", 0, 37, 20));
    expect((await publisher.sync()).count).toBe(37);
    expect(await released(client)).toEqual({ payloads: upTo(10, 27), gaps: [{ sid: 1, lost: 27, after: 0 }] });
    expect(bus.stats).toMatchObject({ accepted: 37, dropped: 27, settled: 10, waiting: 0 });
  });

  test("by bytes: as many as there is room for, and one message of any size", async () => {
    await using bus = await Embedded.start();
    const client = await holding(bus, { overflow: "drop-oldest", maxBytes: 1000 });
    const publisher = await bus.connect();
    publisher.write(numbered("t.a", 0, 10, 500));
    await publisher.sync();
    expect(await released(client)).toEqual({ payloads: [8, 9], gaps: [{ sid: 1, lost: 8, after: 0 }] });
    client.send(Op.XOFF, 1);
    await client.sync();
    publisher.write(numbered("t.a", 10, 3, 5000));
    await publisher.sync();
    expect(await released(client)).toEqual({ payloads: [12], gaps: [{ sid: 1, lost: 2, after: 0 }] });
  });

  test("of a subscriber that does not read: what it gets is what was published, less what GAPs tell, in order", async () => {
    await using bus = await Embedded.start();
    const client = await bus.having([Op.SUB, 1, "t.>", ext1({ overflow: "drop-oldest", maxMessages: 100 })]);
    const healthy = await bus.having([Op.SUB, 1, "t.>"]);
    client.stopReading();
    const publisher = await bus.connect();
    const count = 20_000;
    for (let from = 0; from < count; from += 1000) {
      publisher.write(numbered("t.a", from, 1000, 100));
      await publisher.sync();
      await healthy.take(Op.PUB, 1000);
    }
    client.startReading();
    const deliveries = new Deliveries(client);
    const came: number[] = [];
    while (came.at(-1) !== count - 1) came.push((await deliveries.payloads(1))[0] as number);
    let next = 0;
    for (const [index, n] of came.entries()) {
      const lost = deliveries.gaps.filter(({ after }) => after === index).reduce((sum, gap) => sum + gap.lost, 0);
      expect(n).toBe(next + lost);
      next = n + 1;
    }
    expect(came.length + deliveries.gaps.reduce((sum, { lost }) => sum + lost, 0)).toBe(count);
    expect(deliveries.gaps.length).toBeGreaterThan(0);
    expect(bus.imbalance).toBe(0);
  });
});

test("drop-newest: the first are kept, the others refused, and the publisher's count says so", async () => {
  await using bus = await Embedded.start();
  const client = await holding(bus, { overflow: "drop-newest", maxMessages: 10 });
  const publisher = await bus.connect();
  publisher.write(numbered("t.a", 0, 37, 20));
  expect((await publisher.sync()).count).toBe(10);
  expect(await released(client)).toEqual({ payloads: upTo(10), gaps: [{ sid: 1, lost: 27, after: 10 }] });
  publisher.write(numbered("t.a", 37, 2, 20));
  expect((await publisher.sync()).count).toBe(2);
  expect((await released(client)).payloads).toEqual([37, 38]);
});

describe("latest", () => {
  test("one message a topic, the newest, at the end; full or not", async () => {
    await using bus = await Embedded.start();
    const client = await holding(bus, { overflow: "latest" });
    const publisher = await bus.connect();
    for (const [topic, n] of [
      ["a", 0],
      ["b", 1],
      ["a", 2],
      ["c", 3],
      ["b", 4],
      ["a", 5],
    ] as const) {
      publisher.send(Op.PUB, `t.${topic}`, n);
    }
    expect((await publisher.sync()).count).toBe(6);
    expect(await released(client)).toEqual({ payloads: [3, 4, 5], gaps: [{ sid: 1, lost: 3, after: 0 }] });
  });

  test("the oldest topic goes where there are too many", async () => {
    await using bus = await Embedded.start();
    const client = await holding(bus, { overflow: "latest", maxMessages: 3 });
    const publisher = await bus.connect();
    for (let i = 0; i < 5; i++) publisher.send(Op.PUB, `t.${i}`, i);
    publisher.send(Op.PUB, "t.2", 5);
    await publisher.sync();
    expect(await released(client)).toEqual({ payloads: [3, 4, 5], gaps: [{ sid: 1, lost: 3, after: 0 }] });
  });
});

test("a queue drops as a subscription does, and tells one member", async () => {
  await using bus = await Embedded.start();
  const client = await holding(bus, { queue: "q", ack: true, overflow: "drop-oldest", maxMessages: 5 });
  const publisher = await bus.connect();
  publisher.write(numbered("t.a", 0, 12, 20));
  await publisher.sync();
  expect(await released(client)).toEqual({ payloads: upTo(5, 7), gaps: [{ sid: 1, lost: 7, after: 0 }] });
});

describe("who blocks whom", () => {
  test("XOFF names the queue, or the client, $sys.clients each topic, and $sys.queue.show depth and age", async () => {
    await using bus = await Embedded.start();
    const member = await bus.having([Op.SUB, 1, "q.>", ext1({ queue: "jobs", maxMessages: 2 })]);
    const subscriber = await bus.having([Op.SUB, 1, "s.>", ext1({ maxMessages: 2 })]);
    for (const client of [member, subscriber]) {
      client.send(Op.XOFF, 1);
      await client.sync();
    }
    const publisher = await bus.connect();
    for (const topic of ["q.a", "s.a"]) for (let i = 0; i < 3; i++) publisher.send(Op.PUB, topic, i);
    const { before } = await publisher.sync();
    const { client } = subscriber.greeting;
    expect(before).toEqual([
      [Op.XOFF, "q.a", "queue jobs"],
      [Op.XOFF, "s.a", `client ${client}`],
    ]);
    const asker = await bus.connect();
    const { clients } = (await asker.ask("$sys.clients")) as { clients: { client: number; blockedOn: unknown[] }[] };
    expect(clients.find((each) => each.client === publisher.greeting.client)!.blockedOn).toEqual([
      { topic: "q.a", why: "queue jobs" },
      { topic: "s.a", why: `client ${client}` },
    ]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const shown = await asker.ask("$sys.queue.show", { queue: "jobs" });
    expect(shown).toMatchObject({ queue: "jobs", waiting: 3, members: [member.greeting.client] });
    expect(shown["oldestMs"]).toBeGreaterThanOrEqual(15);
    expect(bus.stats.blockedPublishers).toBe(1);
    for (const each of [member, subscriber]) each.send(Op.XON, 1);
    const xons = await publisher.until(([op, topic]) => op === Op.XON && topic === "s.a");
    expect(xons).toContainEqual([Op.XON, "q.a"]);
  });

  test("a kept queue without a member blocks until one comes", async () => {
    await using bus = await Embedded.start();
    const maker = await bus.having([Op.SUB, 1, "q.>", ext1({ queue: "jobs", keep: true, maxMessages: 3 })]);
    maker.send(Op.UNSUB, 1);
    await maker.sync();
    const publisher = await bus.connect();
    publisher.write(Buffer.concat(upTo(5).map((n) => frame(Op.PUB, "q.a", n))));
    expect((await publisher.sync()).before).toEqual([[Op.XOFF, "q.a", "queue jobs"]]);
    maker.send(Op.SUB, 2, "q.>", ext1({ queue: "jobs" }));
    expect(await new Deliveries(maker).payloads(5)).toEqual(upTo(5));
    expect(await publisher.next()).toEqual([Op.XON, "q.a"]);
  });
});

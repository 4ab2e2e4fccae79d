// Work queues at real sockets: verdicts and ranges, prefetch, time-outs, attempts, dead letters, members that come and go, keys,
// delays and times to live, and what $sys.queue tells and does.

import { describe, expect, test } from "vitest";

import { Deliveries } from "../support/deliveries.ts";
import { Embedded, eventually, numbered, upTo } from "../support/embedded.ts";
import { type Element, ext1, type Ext, valueIn } from "../support/msgpack.ts";
import { Op, type RawClient } from "../support/raw-client.ts";

const DONE = 0;
const AGAIN = 1;
const REJECT = 2;
const WORKING = 3;

interface Worker {
  readonly client: RawClient;
  readonly deliveries: Deliveries;
}

async function worker(bus: Embedded, options: Record<string, Element> = {}): Promise<Worker> {
  const client = await bus.having([Op.SUB, 1, "t.>", ext1({ queue: "q", ack: true, ...options })]);
  return { client, deliveries: new Deliveries(client) };
}

async function publish(bus: Embedded, count: number, from = 0, topic = "t.a"): Promise<void> {
  const publisher = await bus.connect();
  publisher.write(numbered(topic, from, count, 10));
  await publisher.sync();
}

function numbersOf(deliveries: readonly { payload: Element; attempt: number }[]): [Element, number][] {
  return deliveries.map(({ payload, attempt }) => [payload, attempt]);
}

describe("verdicts", () => {
  test("done, in ranges of any size, settles; numbers that are unknown or settled are skipped", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus);
    await publish(bus, 20);
    expect((await deliveries.take(20)).map(({ seq }) => seq)).toEqual(upTo(20, 1));
    client.send(Op.ACK, 1, 5, 7, DONE);
    client.send(Op.ACK, 1, 6, 9, DONE);
    client.send(Op.ACK, 1, 9, 8, DONE);
    client.send(Op.ACK, 7, 1, 3, DONE);
    await client.sync();
    expect(bus.stats).toMatchObject({ settled: 5, inFlight: 15 });
    client.send(Op.ACK, 1, 0, Number.MAX_SAFE_INTEGER, DONE);
    await client.sync();
    expect(bus.stats).toMatchObject({ accepted: 20, settled: 20, inFlight: 0, redelivered: 0 });
  });

  test("again: in front of the queue, under a new number, one attempt more", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, { prefetch: 2 });
    await publish(bus, 4);
    await deliveries.take(2);
    client.send(Op.ACK, 1, 1, 2, AGAIN);
    expect(await deliveries.take(2)).toMatchObject([
      { payload: 0, seq: 3, attempt: 2 },
      { payload: 1, seq: 4, attempt: 2 },
    ]);
    client.send(Op.ACK, 1, 3, 4, DONE);
    expect(await deliveries.take(2)).toMatchObject([
      { payload: 2, seq: 5, attempt: 1 },
      { payload: 3, seq: 6, attempt: 1 },
    ]);
    expect(bus.stats.redelivered).toBe(2);
  });

  test("again after a delay: until then it waits, in nobody's prefetch", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, { prefetch: 1 });
    await publish(bus, 2);
    await deliveries.take(1);
    const began = Date.now();
    client.send(Op.ACK, 1, 1, 1, AGAIN, 150);
    expect(await deliveries.payloads(1)).toEqual([1]);
    expect(bus.stats).toMatchObject({ waiting: 1, inFlight: 1 });
    client.send(Op.ACK, 1, 2, 2, DONE);
    expect(numbersOf(await deliveries.take(1))).toEqual([[0, 2]]);
    expect(Date.now() - began).toBeGreaterThanOrEqual(145);
  });

  test("reject: dead at once, with headers that say why, how often and from where", async () => {
    await using bus = await Embedded.start();
    const watcher = await bus.having([Op.SUB, 1, "$sys.events.queue.dead"], [Op.SUB, 2, "dead"]);
    const { client, deliveries } = await worker(bus, { deadLetter: "dead" });
    const publisher = await bus.connect();
    publisher.send(Op.PUB, "t.a", "payload", ext1({ traceparent: "00-1", ttlMs: 60_000, id: "x" }));
    await deliveries.take(1);
    client.send(Op.ACK, 1, 1, 1, AGAIN);
    await deliveries.take(1);
    client.send(Op.ACK, 1, 2, 2, REJECT);
    const [event, letter] = (await watcher.take(Op.PUB, 2)).toSorted((a) => (a[1] === "dead" ? 1 : -1));
    expect(valueIn(event![2])).toEqual({ queue: "q", topic: "t.a", attempts: 2, reason: "rejected" });
    expect(letter!.slice(0, 3)).toEqual([Op.PUB, "dead", "payload"]);
    expect(valueIn(letter![3] as Ext)).toEqual({
      traceparent: "00-1",
      ttlMs: 60_000,
      id: "x",
      deadQueue: "q",
      deadTopic: "t.a",
      deadReason: "rejected",
      deadAttempts: 2,
    });
    expect(bus.stats).toMatchObject({ dead: 1, inFlight: 0 });
    expect(bus.imbalance).toBe(0);
  });
});

describe("time-outs", () => {
  test("run for what is worked on alone, `concurrency` of them at once, and cost an attempt", async () => {
    await using bus = await Embedded.start();
    const { deliveries } = await worker(bus, { ackTimeoutMs: 100, concurrency: 2, prefetch: 4, maxAttempts: 0 });
    await publish(bus, 4);
    expect(numbersOf(await deliveries.take(4))).toEqual(upTo(4).map((n) => [n, 1]));
    const again = await deliveries.take(4);
    expect(numbersOf(again)).toEqual([
      [0, 2],
      [1, 2],
      [2, 2],
      [3, 2],
    ]);
  });

  test("working restarts them, for as long as it is told", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, { ackTimeoutMs: 200, concurrency: 1 });
    await publish(bus, 1);
    await deliveries.take(1);
    for (let i = 0; i < 10; i++) {
      client.send(Op.ACK, 1, 1, 1, WORKING);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await deliveries.synced()).toEqual([]);
    client.send(Op.ACK, 1, 1, 1, DONE);
    await client.sync();
    expect(bus.stats).toMatchObject({ settled: 1, redelivered: 0 });
  });

  test("0 is never", async () => {
    await using bus = await Embedded.start();
    const { deliveries } = await worker(bus, { ackTimeoutMs: 0 });
    await publish(bus, 1);
    await deliveries.take(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(bus.stats.inFlight).toBe(1);
  });
});

describe("attempts", () => {
  test("a message that kills its worker ends as a dead letter, its neighbours in the prefetch do not", async () => {
    await using bus = await Embedded.start();
    const dead = await bus.having([Op.SUB, 1, "dead"]);
    const keeper = await worker(bus, { prefetch: 1, maxAttempts: 3, deadLetter: "dead", keep: true });
    keeper.client.send(Op.UNSUB, 1);
    await keeper.client.sync();
    await publish(bus, 5);
    for (let attempt = 1; attempt <= 3; attempt++) {
      const { client, deliveries } = await worker(bus);
      expect(numbersOf(await deliveries.take(5))).toEqual([[0, attempt], ...upTo(4, 1).map((n) => [n, 1])]);
      client.destroy();
      await bus.until(({ inFlight }) => inFlight === 0);
    }
    const [letter] = await dead.take(Op.PUB, 1);
    expect([letter![2], valueIn(letter![3] as Ext)]).toEqual([
      0,
      { deadQueue: "q", deadTopic: "t.a", deadReason: "attempts", deadAttempts: 3 },
    ]);
    const { deliveries } = await worker(bus);
    expect(numbersOf(await deliveries.take(4))).toEqual(upTo(4, 1).map((n) => [n, 1]));
  });

  test("deadLetter must not lead back to its queue, nor to the broker's own topics", async () => {
    await using bus = await Embedded.start();
    const client = await bus.connect();
    for (const [sid, deadLetter] of [
      [1, "t.dead"],
      [2, "$sys.dead"],
      [3, "t.*"],
    ] as const) {
      client.send(Op.SUB, sid, "t.>", ext1({ queue: "q", ack: true, deadLetter }));
      expect((await client.next()).slice(0, 3)).toEqual([Op.ERR, sid, "bad_option"]);
    }
  });
});

describe("members", () => {
  test("hold no more than their prefetch, and get more as they settle", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, { prefetch: 3 });
    await publish(bus, 10);
    await deliveries.take(3);
    expect(await deliveries.synced()).toEqual([]);
    client.send(Op.ACK, 1, 2, 2, DONE);
    expect(await deliveries.payloads(1)).toEqual([3]);
    expect(bus.stats).toMatchObject({ inFlight: 3, waiting: 6, settled: 1 });
  });

  test("of different speed share fairly: a slow one gets less, and no window of stale work", async () => {
    await using bus = await Embedded.start();
    const fast = await worker(bus, { prefetch: 8 });
    const slow = await worker(bus, { prefetch: 8 });
    const count = 400;
    let left = count;
    const work = async ({ client, deliveries }: Worker, takesMs: number): Promise<number> => {
      for (let had = 0; ; had++) {
        const next = await Promise.race([
          deliveries.take(1),
          eventually(
            () => left === 0,
            () => `${left} left`,
          ),
        ]);
        if (next === undefined) return had;
        await new Promise((resolve) => setTimeout(resolve, takesMs));
        client.send(Op.ACK, 1, next[0]!.seq, next[0]!.seq, DONE);
        left--;
      }
    };
    const working = Promise.all([work(fast, 1), work(slow, 20)]);
    await publish(bus, count);
    const [many, few] = await working;
    expect(many + few).toBe(count);
    expect(many).toBeGreaterThan(few * 4);
    expect(few).toBeGreaterThan(0);
  });

  test("what a member had goes back when it goes: first, and in order", async () => {
    await using bus = await Embedded.start();
    const first = await worker(bus, { prefetch: 5, concurrency: 5 });
    await publish(bus, 8);
    await first.deliveries.take(5);
    const second = await worker(bus, { prefetch: 8 });
    expect(await second.deliveries.payloads(3)).toEqual([5, 6, 7]);
    first.client.destroy();
    expect(numbersOf(await second.deliveries.take(5))).toEqual(upTo(5).map((n) => [n, 2]));
  });

  test("that unsubscribe settle what they hold under their old sid, and are members until then", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, { prefetch: 2 });
    await publish(bus, 3);
    await deliveries.take(2);
    client.send(Op.UNSUB, 1);
    expect(await deliveries.synced()).toEqual([]);
    client.send(Op.ACK, 1, 1, 1, DONE);
    await client.sync();
    const asker = await bus.connect();
    expect(await asker.ask("$sys.queue.show", { queue: "q" })).toMatchObject({
      settled: 1,
      inFlight: 1,
      waiting: 1,
      members: [client.greeting.client],
    });
    client.send(Op.ACK, 1, 2, 2, DONE);
    await client.sync();
    expect(bus.stats).toMatchObject({ queues: 0, settled: 2, dropped: 1 });
  });

  test("a kept queue takes messages while nobody is there, and gives them to who comes", async () => {
    await using bus = await Embedded.start();
    const { client } = await worker(bus, { keep: true });
    client.send(Op.UNSUB, 1);
    await client.sync();
    await publish(bus, 5);
    expect(bus.stats).toMatchObject({ queues: 1, waiting: 5 });
    const { deliveries } = await worker(bus);
    expect(await deliveries.payloads(5)).toEqual(upTo(5));
  });
});

describe.each(["key", 2] as const)("partitionBy %s", (partitionBy) => {
  test("one key is with one member at a time and in order, others go on, and move when it goes", async () => {
    await using bus = await Embedded.start();
    const options = { partitionBy, prefetch: 4, concurrency: 4 };
    const workers = [await worker(bus, options), await worker(bus, options)];
    const publisher = await bus.connect();
    const send = (key: number, n: number): void => {
      if (partitionBy === "key") publisher.send(Op.PUB, "t.a", n, ext1({ key }));
      else publisher.send(Op.PUB, `t.k${key}`, n);
    };
    // Key 0 alone is more than one member may hold.
    for (let n = 0; n < 8; n++) send(0, n);
    for (let n = 8; n < 10; n++) send(n, n);
    await publisher.sync();
    await bus.until(({ inFlight }) => inFlight === 6);
    const came = await Promise.all(workers.map(({ deliveries }) => deliveries.synced()));
    const owner = came.findIndex((each) => each.some(({ payload }) => payload === 0));
    expect(came[owner]!.map(({ payload }) => payload)).toEqual([0, 1, 2, 3]);
    expect(came[1 - owner]!.map(({ payload }) => payload)).toEqual([8, 9]);
    workers[owner]!.client.send(Op.ACK, 1, 1, 1, DONE);
    expect(await workers[owner]!.deliveries.payloads(1)).toEqual([4]);
    workers[owner]!.client.destroy();
    expect(numbersOf(await workers[1 - owner]!.deliveries.take(2))).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(bus.imbalance).toBe(0);
  });
});

describe("times", () => {
  test("ttlMs: not delivered later than that, and counted", async () => {
    await using bus = await Embedded.start();
    const watcher = await bus.having([Op.SUB, 1, "dead"]);
    const { client, deliveries } = await worker(bus, { prefetch: 1, deadLetter: "dead" });
    const publisher = await bus.connect();
    publisher.send(Op.PUB, "t.a", 0);
    publisher.send(Op.PUB, "t.a", 1, ext1({ ttlMs: 50 }));
    publisher.send(Op.PUB, "t.a", 2, ext1({ ttlMs: 60_000 }));
    await deliveries.take(1);
    await new Promise((resolve) => setTimeout(resolve, 80));
    client.send(Op.ACK, 1, 1, 1, DONE);
    expect(await deliveries.payloads(1)).toEqual([2]);
    const [letter] = await watcher.take(Op.PUB, 1);
    expect(letter![2]).toBe(1);
    expect(valueIn(letter![3] as Ext)).toMatchObject({ deadReason: "expired", deadAttempts: 0 });
    expect(bus.stats).toMatchObject({ expired: 1, dead: 0 });
  });

  test("delayMs: not before, and not in the way of others; plain subscriptions heed it not", async () => {
    await using bus = await Embedded.start();
    const plain = await bus.having([Op.SUB, 1, "t.>"]);
    const { deliveries } = await worker(bus);
    const publisher = await bus.connect();
    const began = Date.now();
    publisher.send(Op.PUB, "t.a", 0, ext1({ delayMs: 200 }));
    publisher.send(Op.PUB, "t.a", 1, ext1({ delayMs: 100 }));
    publisher.send(Op.PUB, "t.a", 2);
    expect(await new Deliveries(plain).payloads(3)).toEqual([0, 1, 2]);
    expect(await deliveries.payloads(1)).toEqual([2]);
    expect(await deliveries.payloads(2)).toEqual([1, 0]);
    expect(Date.now() - began).toBeGreaterThanOrEqual(195);
  });

  test("dedupeMs: an id that was taken is not taken again, and counts as a delivery", async () => {
    await using bus = await Embedded.start();
    const { deliveries } = await worker(bus, { dedupeMs: 100 });
    const publisher = await bus.connect();
    for (const n of [0, 1]) publisher.send(Op.PUB, "t.a", n, ext1({ id: "same" }));
    expect((await publisher.sync()).count).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 130));
    publisher.send(Op.PUB, "t.a", 2, ext1({ id: "same" }));
    expect(await deliveries.payloads(2)).toEqual([0, 2]);
    expect(bus.stats.accepted).toBe(2);
  });

  test("an id that drop-newest did not take is not known", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, {
      dedupeMs: 60_000,
      overflow: "drop-newest",
      maxMessages: 1,
      prefetch: 1,
    });
    const publisher = await bus.connect();
    for (const n of [0, 1, 2]) publisher.send(Op.PUB, "t.a", n, ext1({ id: `id-${n}` }));
    expect((await publisher.sync()).count).toBe(2);
    await deliveries.take(1);
    client.send(Op.ACK, 1, 1, 1, DONE);
    await deliveries.take(1);
    publisher.send(Op.PUB, "t.a", 2, ext1({ id: "id-2" }));
    expect((await publisher.sync()).count).toBe(1);
  });
});

describe("$sys.queue", () => {
  test("purge drops what waits, tells it, and leaves what members hold", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, { prefetch: 2 });
    await publish(bus, 7);
    await deliveries.take(2);
    const asker = await bus.connect();
    expect(await asker.ask("$sys.queue.purge", { queue: "q" })).toMatchObject({ queue: "q", purged: 5 });
    client.send(Op.ACK, 1, 1, 2, DONE);
    await publish(bus, 1, 7);
    expect(await deliveries.payloads(1)).toEqual([7]);
    expect(deliveries.gaps).toEqual([{ sid: 1, lost: 5, after: 2 }]);
    expect(bus.stats).toMatchObject({ settled: 2, dropped: 5, inFlight: 1 });
  });

  test("remove ends the queue, and its members are told", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, { keep: true, prefetch: 2 });
    await publish(bus, 5);
    await deliveries.take(2);
    const asker = await bus.connect();
    await asker.ask("$sys.queue.remove", { queue: "q" });
    expect((await client.next()).slice(0, 3)).toEqual([Op.ERR, 1, "unavailable"]);
    expect(bus.stats).toMatchObject({ queues: 0, dropped: 5, inFlight: 0, subscriptions: 0 });
    client.send(Op.SUB, 1, "t.>", ext1({ queue: "q", ack: true, prefetch: 3 }));
    await client.sync();
    await publish(bus, 1);
    expect(await deliveries.payloads(1)).toEqual([0]);
  });

  test("update changes what can change on a living queue, without losing it; the rest is refused", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, { prefetch: 1, maxMessages: 3 });
    await publish(bus, 1);
    await deliveries.take(1);
    const publisher = await bus.connect();
    publisher.write(numbered("t.a", 1, 4, 10));
    expect((await publisher.sync()).before.map(([op]) => op)).toEqual([Op.XOFF]);
    const asker = await bus.connect();
    expect(await asker.ask("$sys.queue.update", { queue: "q", maxMessages: 100 })).toMatchObject({ waiting: 4 });
    expect(await publisher.next()).toEqual([Op.XON, "t.a"]);
    await asker.ask("$sys.queue.update", { queue: "q", ackTimeoutMs: 50, maxAttempts: 2, deadLetter: "dead" });
    const dead = await bus.having([Op.SUB, 1, "dead"]);
    expect(numbersOf(await deliveries.take(1))).toEqual([[0, 2]]);
    const [letter] = await dead.take(Op.PUB, 1);
    expect(letter![2]).toBe(0);
    for (const wrong of [{ ack: false }, { overflow: "none" }, { overflow: "disconnect" }, { deadLetter: "t.b" }]) {
      expect(await asker.ask("$sys.queue.update", { queue: "q", ...wrong })).toMatchObject({ code: "bad_option" });
    }
    expect(await asker.ask("$sys.queue.show", { queue: "nope" })).toMatchObject({ code: "unavailable" });
    expect(await asker.ask("$sys.queue.show", {})).toMatchObject({ code: "bad_option" });
    client.destroy();
  });

  test("update makes of a full queue that blocks one that keeps the latest, and one that drops of that", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, { maxMessages: 4, prefetch: 1 });
    client.send(Op.XOFF, 1);
    await client.sync();
    const publisher = await bus.connect();
    const publish = (topic: string, n: number): void => publisher.send(Op.PUB, `t.${topic}`, n);
    for (const [n, topic] of [..."abacb"].entries()) publish(topic, n);
    expect((await publisher.sync()).before.map(([op]) => op)).toEqual([Op.XOFF]);
    const asker = await bus.connect();
    const update = (options: object): Promise<unknown> => asker.ask("$sys.queue.update", { queue: "q", ...options });
    expect(await update({ overflow: "latest" })).toMatchObject({ waiting: 3, dropped: 2, accepted: 5 });
    expect((await publisher.next())[0]).toBe(Op.XON);
    publish("a", 5); // replaces one that waited before
    publish("d", 6);
    await publisher.sync();
    expect(await update({ overflow: "drop-oldest" })).toMatchObject({ waiting: 4, dropped: 3 });
    publish("d", 7);
    await publisher.sync();
    expect(await asker.ask("$sys.check")).toMatchObject({ ok: true, recounted: { waiting: 4 } });
    client.send(Op.XON, 1);
    for (const [i, n] of [4, 5, 6, 7].entries()) {
      expect(numbersOf(await deliveries.take(1))).toEqual([[n, 1]]);
      client.send(Op.ACK, 1, i + 1, i + 1, 0);
    }
    await client.sync();
    expect(deliveries.gaps.reduce((sum, { lost }) => sum + lost, 0)).toBe(4);
    expect(bus.imbalance).toBe(0);
  });

  test("in what update is asked, unknown keys are ignored and nil means absent; false takes deadLetter away", async () => {
    await using bus = await Embedded.start();
    await worker(bus, { deadLetter: "dead" });
    const asker = await bus.connect();
    const changed = { maxMessages: 7, maxBytes: null, deadLetter: null, keep: null, unheardOf: 1 };
    const options = { maxMessages: 7, maxBytes: 8 * 1024 * 1024, deadLetter: "dead" };
    expect(await asker.ask("$sys.queue.update", { queue: "q", ...changed })).toMatchObject({ options });
    const taken = { ...options, deadLetter: null };
    expect(await asker.ask("$sys.queue.update", { queue: "q", deadLetter: false })).toMatchObject({ options: taken });
  });

  test("replay puts dead letters to the end of the queue where they died, as new", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, { deadLetter: "dead", keep: true });
    const maker = await bus.having([Op.SUB, 1, "dead", ext1({ queue: "dlq", keep: true })]);
    maker.send(Op.UNSUB, 1);
    await maker.sync();
    const publisher = await bus.connect();
    for (let n = 0; n < 4; n++) publisher.send(Op.PUB, `t.${n}`, n, ext1({ id: `id-${n}` }));
    await deliveries.take(4);
    client.send(Op.ACK, 1, 1, 4, REJECT);
    await client.sync();
    publisher.send(Op.PUB, "dead", "no dead letter");
    publisher.send(Op.PUB, "dead", "one with a topic that is none", ext1({ deadQueue: "q", deadTopic: "t.*" }));
    const asker = await bus.connect();
    await publisher.sync();
    expect(await asker.ask("$sys.queue.replay", { queue: "dlq", count: 3 })).toMatchObject({ replayed: 3 });
    const again = await deliveries.take(3);
    expect(again.map(({ topic, payload, attempt }) => [topic, payload, attempt])).toEqual(
      upTo(3).map((n) => [`t.${n}`, n, 1]),
    );
    expect(valueIn(again[0]!.headers as Ext)).toEqual({ id: "id-0" });
    expect(await asker.ask("$sys.queue.replay", { queue: "dlq" })).toMatchObject({ replayed: 1, kept: 2 });
    expect(await deliveries.payloads(1)).toEqual([3]);
    expect(bus.imbalance).toBe(0);
  });

  test("replay into a queue that keeps the latest of each topic", async () => {
    await using bus = await Embedded.start();
    const { client, deliveries } = await worker(bus, { deadLetter: "dead", overflow: "latest" });
    const maker = await bus.having([Op.SUB, 1, "dead", ext1({ queue: "dlq", keep: true })]);
    maker.send(Op.UNSUB, 1);
    await maker.sync();
    await publish(bus, 1);
    await deliveries.take(1);
    client.send(Op.ACK, 1, 1, 1, REJECT);
    await client.sync();
    const asker = await bus.connect();
    expect(await asker.ask("$sys.queue.replay", { queue: "dlq" })).toMatchObject({ replayed: 1 });
    expect(await deliveries.payloads(1)).toEqual([0]);
    expect(bus.imbalance).toBe(0);
  });
});

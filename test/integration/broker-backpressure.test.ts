// Back-pressure at the socket: who does not read holds up the publishers of its topics and nobody else, whether they know of XOFF
// or not, and nothing is lost.

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { BrokerOptions } from "../../broker/index.ts";
import { Embedded, eventually, numbered, numbers, upTo, Witness } from "../support/embedded.ts";
import { ext1, frame } from "../support/msgpack.ts";
import { Op, type RawClient } from "../support/raw-client.ts";

let embedded: Embedded;
let witness: Witness;

async function start(options: BrokerOptions = {}): Promise<void> {
  embedded = await Embedded.start(options);
  witness = await Witness.start(embedded);
}

beforeEach(() => {
  embedded = undefined as never;
});

afterEach(async () => {
  await witness.sees(5);
  await witness.stop();
  expect(embedded.imbalance).toBe(0);
  await embedded[Symbol.asyncDispose]();
});

/** What `$sys.clients` says of `client`. */
async function shown(client: RawClient): Promise<Record<string, unknown>> {
  await using asker = await embedded.connect();
  const { clients } = await asker.ask("$sys.clients");
  return (clients as Record<string, unknown>[]).find((each) => each["client"] === client.greeting.client)!;
}

/** Publishes in steps of ten, each confirmed, until an XOFF comes. Returns how many messages that were. */
async function publishUntilOff(publisher: RawClient, topic: string, bytes: number): Promise<number> {
  for (let sent = 0; sent < 100_000; sent += 10) {
    publisher.write(numbered(topic, sent, 10, bytes));
    const { before, count } = await publisher.sync();
    expect(count).toBe(10);
    if (before.length > 0) {
      expect(before.map((each) => each.slice(0, 2))).toEqual([[Op.XOFF, topic]]);
      return sent + 10;
    }
  }
  throw new Error("no XOFF came");
}

describe("a subscriber that does not read", () => {
  test("XOFF when its queue is full, XON at half; other topics, pings and confirms go on; nothing is lost", async () => {
    await start();
    const subscriber = await embedded.having([Op.SUB, 1, "t", ext1({ maxMessages: 200 })]);
    const other = await embedded.having([Op.SUB, 1, "u"]);
    const publisher = await embedded.connect();
    subscriber.stopReading();
    const sent = await publishUntilOff(publisher, "t", 2000);
    // 200 wait in the queue; the others have filled the connection's buffer and the kernel's.
    expect(embedded.stats.waiting).toBeGreaterThanOrEqual(200);
    expect(embedded.stats.waiting).toBeLessThan(215);
    expect(embedded.stats.blockedPublishers).toBe(1);
    publisher.write(numbered("u", 0, 100, 2000));
    expect(await publisher.sync()).toEqual({ before: [], count: 100 });
    expect(await numbers(other, 100)).toEqual(upTo(100));
    expect(await publisher.ping()).toEqual([]);
    expect(await publisher.ask("$sys.ping")).toHaveProperty("broker");
    // The same topic is still taken: what was in flight is.
    publisher.write(numbered("t", sent, 5, 2000));
    expect(await publisher.sync()).toEqual({ before: [], count: 5 });
    subscriber.startReading();
    expect(await publisher.next()).toEqual([Op.XON, "t"]);
    expect(await numbers(subscriber, sent + 5)).toEqual(upTo(sent + 5));
    await embedded.until(({ blockedPublishers, waiting }) => blockedPublishers === 0 && waiting === 0);
  });

  test("the default limit is 8 MiB, and the memory that is held is about that", async () => {
    await start();
    const subscriber = await embedded.having([Op.SUB, 1, "t"]);
    const publisher = await embedded.connect();
    subscriber.stopReading();
    const sent = await publishUntilOff(publisher, "t", 16_000);
    expect(sent * 16_000).toBeGreaterThan(8 * 1024 * 1024);
    expect(sent * 16_000).toBeLessThan(9.5 * 1024 * 1024);
    const { heldBytes } = embedded.stats;
    expect(heldBytes).toBeGreaterThan(8 * 1024 * 1024);
    expect(heldBytes).toBeLessThan(13 * 1024 * 1024);
    subscriber.startReading();
    expect(await numbers(subscriber, sent)).toEqual(upTo(sent));
    await embedded.until((stats) => stats.heldBytes < 2 * 1024 * 1024);
  });

  test("small messages that wait do not keep the chunks that they came in", async () => {
    await start();
    const held = await embedded.having([Op.SUB, 1, "small"], [Op.XOFF, 1]);
    const publisher = await embedded.connect();
    for (let i = 0; i < 200; i++) {
      publisher.write(numbered("small", i, 1, 10));
      publisher.write(frame(Op.PUB, "nobody", Buffer.alloc(60_000)));
    }
    await publisher.sync();
    expect(embedded.stats.waiting).toBe(200);
    expect(embedded.stats.heldBytes).toBeLessThan(2 * 1024 * 1024);
    held.send(Op.XON, 1);
    expect(await numbers(held, 200)).toEqual(upTo(200));
  });

  test("that goes away frees its publishers", async () => {
    await start();
    const subscriber = await embedded.having([Op.SUB, 1, "t", ext1({ maxMessages: 10 })]);
    const publisher = await embedded.connect();
    subscriber.stopReading();
    await publishUntilOff(publisher, "t", 4000);
    subscriber.destroy();
    expect(await publisher.next()).toEqual([Op.XON, "t"]);
    publisher.write(numbered("t", 0, 5, 10));
    expect((await publisher.sync()).count).toBe(0);
    expect(embedded.stats.dropped).toBeGreaterThan(0);
  });

  test("and closes its own publishing connection's topics none: two publishers, one obeys, one does not", async () => {
    await start({ headroom: 100_000 });
    const subscriber = await embedded.having([Op.SUB, 1, "t.>", ext1({ maxMessages: 50 })]);
    const polite = await embedded.connect();
    const naive = await embedded.connect();
    subscriber.stopReading();
    const sent = await publishUntilOff(polite, "t.polite", 2000);
    naive.write(numbered("t.naive", 0, 1000, 2000));
    await embedded.until(({ blockedPublishers }) => blockedPublishers === 2);
    await eventually(
      async () => (await shown(naive))["paused"] === true,
      () => "the naive one is not paused",
    );
    expect((await shown(polite))["paused"]).toBe(false);
    expect(await polite.ping()).toEqual([]);
    subscriber.startReading();
    const came = await subscriber.take(Op.PUB, sent + 1000);
    for (const [topic, count] of [
      ["t.polite", sent],
      ["t.naive", 1000],
    ] as const) {
      expect(came.filter((each) => each[1] === topic).map((each) => each[2])).toEqual(upTo(count));
    }
    expect(await polite.next()).toEqual([Op.XON, "t.polite"]);
  });
});

describe("a publisher that knows nothing of XOFF", () => {
  test("is paused at its headroom, blocks in its write, and loses nothing", async () => {
    await start({ headroom: 64 * 1024 });
    const subscriber = await embedded.having([Op.SUB, 1, "t", ext1({ maxMessages: 20 })]);
    const publisher = await embedded.connect();
    subscriber.stopReading();
    publisher.stopReading();
    const count = 6000;
    publisher.write(numbered("t", 0, count, 1000));
    await eventually(
      async () => (await shown(publisher))["paused"] === true,
      () => "it is not paused",
    );
    const { published, waiting } = embedded.stats;
    // What it could send beyond the limit is its headroom, and what one read brought.
    expect(waiting * 1000).toBeLessThan(64 * 1024 + 20 * 1000 + 70_000);
    await witness.sees(50);
    expect(embedded.stats.published - published).toBeLessThan(200); // the witness's
    expect(publisher.unsentBytes).toBeGreaterThan(0);
    expect((await shown(publisher))["blockedOn"]).toEqual([
      { topic: "t", why: `client ${subscriber.greeting.client}` },
    ]);
    subscriber.startReading();
    expect(await numbers(subscriber, count)).toEqual(upTo(count));
    await publisher.flushed();
    publisher.startReading();
    expect((await publisher.sync()).count).toBe(count);
  });

  test("the headroom counts only what goes to topics in XOFF", async () => {
    await start({ headroom: 30_000 });
    await embedded.having([Op.SUB, 1, "t", ext1({ maxMessages: 1 })], [Op.XOFF, 1]);
    const publisher = await embedded.connect();
    publisher.write(numbered("t", 0, 2, 10));
    publisher.write(numbered("nobody", 0, 200, 1000));
    expect((await publisher.sync()).count).toBe(2);
    publisher.write(numbered("t", 2, 20, 1000));
    expect((await publisher.sync()).count).toBe(20);
    publisher.write(numbered("t", 22, 20, 1000));
    await eventually(
      async () => (await shown(publisher))["paused"] === true,
      () => "it is not paused",
    );
  });

  test("has 1,024 topics in XOFF at the most", async () => {
    await start();
    const subscriber = await embedded.having([Op.SUB, 1, "t.*", ext1({ maxMessages: 1 })], [Op.XOFF, 1]);
    const publisher = await embedded.connect();
    for (let i = 0; i <= 1023; i++) publisher.write(numbered(`t.${i}`, i, 1, 1));
    expect((await publisher.sync()).before).toHaveLength(1023); // the first found it empty
    publisher.write(numbered("t.0", 1024, 1, 1));
    await eventually(
      async () => (await shown(publisher))["paused"] === true,
      () => "it is not paused",
    );
    publisher.write(numbered("t.0", 1025, 1, 1));
    subscriber.send(Op.XON, 1);
    expect(await numbers(subscriber, 1026)).toEqual(upTo(1026));
    expect((await publisher.sync()).before.map(([op]) => op)).toEqual([Op.XOFF, ...upTo(1024).map(() => Op.XON)]);
  });
});

describe("a publisher that holds itself up", () => {
  test.each([
    ["as a member of the full queue", { queue: "q", maxMessages: 5 }],
    ["as the subscriber that is full", { maxMessages: 5 }],
  ])("%s is refused beyond the headroom, is not paused, and empties it", async (_how, options) => {
    await start({ headroom: 20_000 });
    const client = await embedded.having([Op.SUB, 1, "t", ext1(options)], [Op.XOFF, 1]);
    client.write(numbered("t", 0, 6, 1000));
    expect((await client.sync()).before.map((each) => each.slice(0, 2))).toEqual([[Op.XOFF, "t"]]);
    client.write(numbered("t", 6, 60, 1000));
    const { before, count } = await client.sync();
    expect(before.length).toBeGreaterThan(30);
    expect(count).toBe(60 - before.length);
    for (const [op, ref, code, , topic] of before) expect([op, ref, code, topic]).toEqual([Op.ERR, null, "limit", "t"]);
    expect((await shown(client))["paused"]).toBe(false);
    client.send(Op.XON, 1);
    expect(await numbers(client, 6 + count)).toEqual(upTo(6 + count));
    expect(await client.ping()).toEqual(expect.anything());
    client.write(numbered("t", 100, 1, 10));
    expect(await numbers(client, 1)).toEqual([100]);
  });

  test("without reading at all it is not read from for long: it gets everything once it reads", async () => {
    await start({ headroom: 100_000 });
    const client = await embedded.having([Op.SUB, 1, "t", ext1({ maxMessages: 50 })]);
    client.stopReading();
    client.write(numbered("t", 0, 3000, 1000));
    await client.flushed();
    await embedded.until(({ refused }) => refused > 0);
    await witness.sees(20);
    client.startReading();
    const { before, count } = await client.sync();
    const refused = before.filter(([op]) => op === Op.ERR).length;
    expect(count + refused).toBe(3000);
    const delivered = before.filter(([op]) => op === Op.PUB).length;
    await client.take(Op.PUB, count - delivered);
  });
});

describe("queues", () => {
  test("one member does not read: the other gets its share", async () => {
    await start();
    const slow = await embedded.having([Op.SUB, 1, "t", ext1({ queue: "q" })]);
    const quick = await embedded.having([Op.SUB, 1, "t", ext1({ queue: "q" })]);
    slow.stopReading();
    const publisher = await embedded.connect();
    const count = 5000;
    publisher.write(numbered("t", 0, count, 1000));
    expect((await publisher.sync()).before).toEqual([]);
    await embedded.until(({ waiting }) => waiting === 0);
    const ofQuick = await quick
      .ping()
      .then((before) => before.filter(([op]) => op === Op.PUB).map((each) => each[2] as number));
    slow.startReading();
    const ofSlow = await numbers(slow, count - ofQuick.length);
    expect(ofQuick.length).toBeGreaterThan(count / 2);
    expect([...ofQuick, ...ofSlow].sort((a, b) => a - b)).toEqual(upTo(count));
    expect(ofQuick).toEqual(ofQuick.toSorted((a, b) => a - b));
    expect(ofSlow).toEqual(ofSlow.toSorted((a, b) => a - b));
  });

  test("a queue that nobody reads from blocks its publishers, whatever the number of members", async () => {
    await start();
    const members: RawClient[] = [];
    for (let i = 0; i < 3; i++) {
      const member = await embedded.having([Op.SUB, 1, "t", ext1({ queue: "q", maxMessages: 100 })]);
      member.stopReading();
      members.push(member);
    }
    const publisher = await embedded.connect();
    const sent = await publishUntilOff(publisher, "t", 4000);
    for (const member of members) member.startReading();
    expect(await publisher.next()).toEqual([Op.XON, "t"]);
    await embedded.until(({ waiting, inFlight }) => waiting === 0 && inFlight === 0);
    let total = 0;
    for (const member of members) total += (await member.ping()).filter(([op]) => op === Op.PUB).length;
    expect(total).toBe(sent);
  });
});

describe("a subscription that asked to be disconnected when it is full", () => {
  test("is closed with limit; its other subscriptions end with it, and no memory stays behind", async () => {
    await start();
    const before = embedded.stats.heldBytes;
    const subscriber = await embedded.having(
      [Op.SUB, 1, "t", ext1({ overflow: "disconnect", maxMessages: 3 })],
      [Op.SUB, 2, "t"],
      [Op.SUB, 3, "t", ext1({ queue: "q" })],
      [Op.XOFF, 1],
      [Op.XOFF, 2],
    );
    const publisher = await embedded.connect();
    publisher.write(numbered("t", 0, 10, 30_000));
    await publisher.sync();
    await subscriber.closed();
    const [op, ref, code, message] = subscriber.pending().at(-1)!;
    expect([op, ref, code]).toEqual([Op.ERR, null, "limit"]);
    expect(message).toMatch(/^the subscription to "t" let \d+ messages, \d+ bytes wait/);
    await embedded.closeClients(2);
    expect(embedded.stats).toMatchObject({ clients: 2, subscriptions: 1, queues: 0, waiting: 0, inFlight: 0 });
    expect(embedded.stats.heldBytes).toBeLessThan(before + 50_000);
  });
});

describe("replies that are not read", () => {
  test("a stream of parts ends with limit, and its responder is told", async () => {
    await start();
    const responder = await embedded.having([Op.SUB, 1, "r", ext1({ respond: true })]);
    const caller = await embedded.connect();
    caller.send(Op.REQ, 1, "r", null);
    const [, request] = await responder.take(Op.REQ, 1).then((came) => came[0]!);
    caller.stopReading();
    const part = frame(Op.REPLY, request as number, 1, Buffer.alloc(100_000));
    for (let i = 0; i < 100; i++) responder.write(part);
    expect(await responder.next()).toEqual([Op.CANCEL, request]);
    await witness.sees(5);
    expect(embedded.stats.pendingRequests).toBe(0);
    caller.startReading();
    const came = await caller.until(([op]) => op === Op.ERR);
    expect(came.at(-1)!.slice(0, 3)).toEqual([Op.ERR, 1, "limit"]);
    expect(came.length).toBeGreaterThan(80);
  });
});

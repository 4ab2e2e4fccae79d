// Retained values at the socket: many, large, changing while somebody subscribes, and what they cost.

import { expect, test } from "vitest";

import { Embedded, upTo } from "../support/embedded.ts";
import { type Element, ext1 } from "../support/msgpack.ts";
import { Op, type RawClient } from "../support/raw-client.ts";

/** RETAIN frames that come to `client` before the OK of a SYNC. */
async function retained(client: RawClient): Promise<Element[][]> {
  return (await client.sync()).before.filter(([op]) => op === Op.RETAIN);
}

test("ten thousand topics have a value at the most; all come to a new subscriber, before the OK of its SYNC", async () => {
  await using embedded = await Embedded.start();
  const publisher = await embedded.connect();
  for (let i = 0; i < 10_000; i++) publisher.send(Op.RETAIN, `s.${i}`, i);
  expect((await publisher.sync()).before).toEqual([]);
  publisher.send(Op.RETAIN, "s.more", 1);
  expect((await publisher.sync()).before.map((each) => each.slice(0, 3))).toEqual([[Op.ERR, null, "limit"]]);
  expect(embedded.stats.retained).toBe(10_000);
  const subscriber = await embedded.connect();
  subscriber.send(Op.SUB, 1, "s.*");
  const came = await retained(subscriber);
  expect(came.map((each) => each[2] as number).sort((a, b) => a - b)).toEqual(upTo(10_000));
  publisher.send(Op.RETAIN, "s.7", null);
  publisher.send(Op.RETAIN, "s.more", 1);
  expect((await publisher.sync()).before).toEqual([]);
  expect(embedded.stats.retained).toBe(10_000);
  expect(embedded.imbalance).toBe(0);
});

test("large values come whole, to one who reads late as well", async () => {
  await using embedded = await Embedded.start();
  const publisher = await embedded.connect();
  for (let i = 0; i < 20; i++) publisher.send(Op.RETAIN, `s.${i}`, Buffer.alloc(500_000, i));
  await publisher.sync();
  const subscriber = await embedded.connect();
  subscriber.stopReading();
  subscriber.send(Op.SUB, 1, "s.>");
  await subscriber.flushed();
  await embedded.until(({ subscriptions }) => subscriptions === 1);
  // A value that changes or goes while it is on its way is delivered as it was, and then anew.
  publisher.send(Op.RETAIN, "s.19", "new");
  publisher.send(Op.RETAIN, "s.18", null);
  await publisher.sync();
  subscriber.startReading();
  const came = await subscriber.take(Op.RETAIN, 22);
  for (let i = 0; i < 20; i++) expect((came[i]![2] as Buffer).equals(Buffer.alloc(500_000, i))).toBe(true);
  expect(came.slice(20).map((each) => each.slice(1))).toEqual([
    ["s.19", "new"],
    ["s.18", null],
  ]);
  expect(embedded.imbalance).toBe(0);
});

/** What the publisher's connection keeps for itself: a chunk of 256 KiB to read into, where frames of some size come. */
const CONNECTION_BYTES = 300_000;

test("a value costs its own bytes, whatever came beside it, and nothing once it is cleared or replaced", async () => {
  await using embedded = await Embedded.start();
  const publisher = await embedded.connect();
  await publisher.sync();
  const before = embedded.stats.heldBytes;
  for (let i = 0; i < 300; i++) {
    publisher.send(Op.RETAIN, `s.${i}`, Buffer.alloc(1000));
    publisher.send(Op.PUB, "nobody", Buffer.alloc(20_000));
  }
  await publisher.sync();
  expect(embedded.stats.heldBytes - before).toBeLessThan(300 * 1100 + CONNECTION_BYTES);
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 300; i++) publisher.send(Op.RETAIN, `s.${i}`, Buffer.alloc(1000));
  }
  await publisher.sync();
  expect(embedded.stats.heldBytes - before).toBeLessThan(300 * 1100 + CONNECTION_BYTES);
  for (let i = 0; i < 300; i++) publisher.send(Op.RETAIN, `s.${i}`, null);
  await publisher.sync();
  expect(embedded.stats).toMatchObject({ retained: 0 });
  expect(embedded.stats.heldBytes - before).toBeLessThan(CONNECTION_BYTES);
});

test("marked and live messages of one connection's subscriptions never mix up", async () => {
  await using embedded = await Embedded.start();
  const publisher = await embedded.connect();
  for (let i = 0; i < 5; i++) publisher.send(Op.RETAIN, `s.${i}`, i);
  await publisher.sync();
  const subscriber = await embedded.having([Op.SUB, 1, "live"]);
  for (let i = 0; i < 200; i++) {
    publisher.send(Op.PUB, "live", i);
    if (i % 20 === 0) subscriber.send(Op.SUB, 100 + i, "s.*");
    if (i % 5 === 0) await publisher.sync();
  }
  const { before } = await subscriber.sync();
  let context: Element[] = [];
  const live: Element[] = [];
  const marked = new Map<Element, Element[]>();
  for (const each of before) {
    if (each[0] === Op.FOR) context = each;
    const [, sid, , , flags = 0] = context;
    if (each[0] === Op.PUB) {
      expect([sid, flags]).toEqual([1, 0]);
      live.push(each[2]!);
    } else if (each[0] === Op.RETAIN) {
      expect(flags).toBe(1);
      marked.set(sid!, [...(marked.get(sid!) ?? []), each[2]!]);
    }
  }
  expect(live).toEqual(upTo(live.length));
  expect([...marked.keys()]).toEqual(upTo(10).map((i) => 100 + i * 20));
  for (const values of marked.values()) expect(values).toEqual(upTo(5));
});

test("subscriptions that match no retained topic, or want none, get none", async () => {
  await using embedded = await Embedded.start();
  const publisher = await embedded.having([Op.RETAIN, "a.b", 1], [Op.RETAIN, "$not.mine", 1]);
  const subscriber = await embedded.having(
    [Op.SUB, 1, "a"],
    [Op.SUB, 2, "a.*.c"],
    [Op.SUB, 3, "a.b", ext1({ retained: false })],
    [Op.SUB, 4, "$not.>"],
  );
  expect(await subscriber.ping()).toEqual([]);
  expect(embedded.stats.retained).toBe(1);
  publisher.destroy();
});

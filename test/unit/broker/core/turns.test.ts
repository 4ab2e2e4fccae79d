// One connection whose frames are dear has its turns like every other, and loses nothing by it.

import { describe, expect, test } from "vitest";

import { ext1, frame, frames } from "../../../support/msgpack.ts";
import { Op } from "../../../support/raw-client.ts";
import { type SimulatedClient, World } from "../../../support/simulated.ts";

const DEPTH = 10;
/** Publishes that cost several turns: each is matched, and goes to a thousand receivers. */
const COUNT = 200;

/** A client with a subscription for each of the `2 ** depth` patterns of `a` and `*`, all of which match `a.a.….x`. */
function bomber(world: World, last: string): SimulatedClient {
  const client = world.connect();
  for (let i = 0; i < 2 ** DEPTH; i++) {
    const tokens = Array.from({ length: DEPTH }, (_, bit) => ((i >> bit) & 1 ? "*" : "a"));
    client.send(Op.SUB, i + 1, [...tokens, last].join("."), ext1({ overflow: "drop-newest", maxMessages: 1 }));
  }
  world.run();
  client.read();
  client.isReading = false; // what it is sent waits, one message a subscription
  return client;
}

const publishes = (count: number): Buffer =>
  frames(...Array.from({ length: count }, (_, i) => [Op.PUB, `${"a.".repeat(DEPTH)}${i}`, i] as const));

describe("a bomb of wildcards", () => {
  test("others are served before it has had its way, and each of its frames is acted upon in order", () => {
    const world = new World({ maxSubscriptions: 2000 });
    const bomb = bomber(world, ">");
    const subscriber = world.connect();
    subscriber.send(Op.SUB, 1, "w");
    const publisher = world.connect();
    bomb.write(Buffer.concat([publishes(COUNT), frame(Op.SYNC, 9999)]));
    // Not one turn has ended yet.
    const done = world.core.traffic().published;
    expect(done).toBeGreaterThan(5);
    expect(done).toBeLessThan(COUNT);
    expect(bomb.isPaused).toBe(true);
    publisher.send(Op.PUB, "w", 1);
    world.core.flush();
    expect(subscriber.read()).toEqual([
      [Op.FOR, 1],
      [Op.PUB, "w", 1],
    ]);
    world.run();
    expect(world.core.traffic().published).toBe(COUNT + 1);
    expect(bomb.isPaused).toBe(false);
    bomb.isReading = true;
    bomb.take();
    world.run();
    const ok = bomb.read().find(([op]) => op === Op.OK);
    expect(ok?.[1]).toBe(9999);
    expect(world.imbalance).toBe(0);
  });

  test("that only matches costs as much, and is interrupted as well", () => {
    const world = new World({ maxSubscriptions: 2000 });
    const bomb = bomber(world, "zz");
    bomb.write(publishes(COUNT));
    expect(world.core.traffic().published).toBeLessThan(COUNT);
    world.run();
    expect(world.core.traffic().published).toBe(COUNT);
  });

  test("whose sender is gone before its turn comes again is acted upon to the last frame, and then let go", () => {
    const world = new World({ maxSubscriptions: 2000 });
    const bomb = bomber(world, ">");
    const receiver = world.connect();
    receiver.send(Op.SUB, 1, "last");
    bomb.write(Buffer.concat([publishes(COUNT), frame(Op.PUB, "last", 7)]));
    bomb.leave();
    expect(world.core.peers.size).toBe(2);
    world.run();
    expect(receiver.read().at(-1)).toEqual([Op.PUB, "last", 7]);
    expect(world.core.peers.size).toBe(1);
  });

  test("with a BYE in it ends after the last frame", () => {
    const world = new World({ maxSubscriptions: 2000 });
    const bomb = bomber(world, ">");
    bomb.write(Buffer.concat([publishes(COUNT), frame(Op.BYE), publishes(COUNT), frame(Op.SYNC, 9999)]));
    world.run();
    bomb.isReading = true;
    bomb.take();
    world.run();
    expect(bomb.read().filter(([op]) => op === Op.OK)).toHaveLength(1);
    expect(bomb.hasEnded).toBe(true);
    expect(world.core.traffic().published).toBe(2 * COUNT);
  });
});

test("questions to the broker that make it look at everything take turns too", () => {
  const world = new World();
  const asker = world.connect();
  asker.write(frames(...Array.from({ length: 50 }, (_, i) => [Op.REQ, i + 1, "$sys.check", null] as const)));
  expect(asker.read().length).toBeLessThan(5);
  world.run();
  expect(asker.read().filter(([op]) => op === Op.REPLY).length).toBeGreaterThan(45);
});

test("an ordinary read is never interrupted: a chunk of the smallest messages to eight receivers", () => {
  const world = new World();
  const subscribers = Array.from({ length: 8 }, () => world.connect());
  for (const subscriber of subscribers) subscriber.send(Op.SUB, 1, "t");
  const publisher = world.connect();
  world.run();
  publisher.write(Buffer.concat(Array.from({ length: 64 * 200 }, () => frame(Op.PUB, "t", 1))).subarray(0, 65_535));
  expect(publisher.isPaused).toBe(false);
  expect(world.core.traffic().published).toBe(64 * 200);
});

describe("who waits for whom stays bounded", () => {
  test("ever new topics that each lead to many full receivers", () => {
    const world = new World();
    const receiver = world.connect();
    for (let sid = 1; sid <= 500; sid++) receiver.send(Op.SUB, sid, "t.*", ext1({ maxMessages: 1 }));
    world.run();
    receiver.isReading = false;
    const publisher = world.connect();
    publisher.send(Op.PUB, "t.first", Buffer.alloc(300_000));
    for (let i = 0; i < 1000; i++) publisher.send(Op.PUB, `t.${i}`, 1);
    world.run();
    const [peer] = [...world.core.peers].slice(-1);
    expect(peer!.off.size).toBeGreaterThan(900);
    expect(peer!.offHolders).toBeLessThan(64 * 1024 + 1024);
    receiver.isReading = true;
    receiver.take();
    world.run();
    expect([peer!.off.size, peer!.offHolders]).toEqual([0, 0]);
    expect(world.imbalance).toBe(0);
  });

  test("ever new topics into what their publisher empties itself: beyond 1,024 they are refused", () => {
    const world = new World();
    const client = world.connect();
    client.send(Op.SUB, 1, "t.*", ext1({ maxMessages: 1 }));
    client.send(Op.XOFF, 1);
    for (let i = 0; i < 3000; i++) client.send(Op.PUB, `t.${i}`, 1);
    world.run();
    const [peer] = world.core.peers;
    expect(peer!.off.size).toBe(1024);
    const refused = client.read().filter(([op, , code]) => op === Op.ERR && code === "limit");
    expect(refused.length).toBeGreaterThan(1900);
    expect(world.imbalance).toBe(0);
  });
});

test("all connections together have as many subscriptions as there is memory for, and more when some have gone", () => {
  const world = new World({ memoryLimit: 4 * 1024 * 1024 });
  const most = (4 * 1024 * 1024) / 2 / 2048;
  const clients = [world.connect(), world.connect()];
  for (const client of clients) for (let sid = 1; sid <= 600; sid++) client.send(Op.SUB, sid, `t.${sid}`);
  world.run();
  expect(clients[0]!.read()).toEqual([]);
  const refused = clients[1]!.read();
  expect(refused).toHaveLength(1200 - most);
  expect(refused[0]!.slice(0, 3)).toEqual([Op.ERR, most - 600 + 1, "limit"]);
  expect(refused[0]![3]).toMatch(/memoryLimit/);
  expect(world.core.limited.memoryLimit).toBe(1200 - most);
  clients[0]!.leave();
  clients[1]!.send(Op.SUB, 9999, "t.again");
  world.run();
  expect(clients[1]!.read()).toEqual([]);
});

// Many clients at once: they are let in quickly, one message reaches them all, and they go without a trace.

import { expect, test } from "vitest";

import { Embedded, numbered, numbers, upTo } from "../support/embedded.ts";
import { Op, type RawClient } from "../support/raw-client.ts";

test("1,000 connections with a subscription each, within 5 s, and fan-out to all of them", async () => {
  await using embedded = await Embedded.start();
  const started = performance.now();
  const clients: RawClient[] = [];
  for (let i = 0; i < 1000; i += 50) {
    const some = upTo(50, i).map((sid) => embedded.having([Op.SUB, sid + 1, "all.*"]));
    clients.push(...(await Promise.all(some)));
  }
  expect(performance.now() - started).toBeLessThan(5000);
  expect(embedded.stats).toMatchObject({ clients: 1000, subscriptions: 1000 });
  expect(new Set(clients.map((client) => client.greeting.client)).size).toBe(1000);
  const publisher = await embedded.connect();
  publisher.write(numbered("all.them", 0, 20, 500));
  expect((await publisher.sync()).count).toBe(20_000);
  for (const client of clients) expect(await numbers(client, 20)).toEqual(upTo(20));
  expect(embedded.stats).toMatchObject({ accepted: 20_000, settled: 20_000 });
  // Half of them go at once, the others orderly.
  for (const [i, client] of clients.entries()) {
    if (i % 2 === 0) client.destroy();
    else client.send(Op.BYE);
  }
  await embedded.until(({ clients }) => clients === 1);
  expect((await publisher.sync()).count).toBe(0);
  publisher.write(numbered("all.them", 20, 1, 1));
  expect((await publisher.sync()).count).toBe(0);
  expect(embedded.stats).toMatchObject({ subscriptions: 0, waiting: 0, inFlight: 0 });
  await embedded.until(({ heldBytes }) => heldBytes < 100_000);
  expect(embedded.imbalance).toBe(0);
});

test("a hundred publishers and a hundred subscribers: each gets each one's messages in order", async () => {
  await using embedded = await Embedded.start();
  const subscribers = await Promise.all(upTo(100).map(() => embedded.having([Op.SUB, 1, "t.>"])));
  const publishers = await Promise.all(upTo(100).map(() => embedded.connect()));
  for (const [i, publisher] of publishers.entries()) publisher.write(numbered(`t.${i}`, 0, 20, 50));
  for (const publisher of publishers) expect((await publisher.sync()).count).toBe(2000);
  for (const subscriber of subscribers) {
    const came = await subscriber.take(Op.PUB, 2000);
    const next = new Map<unknown, number>();
    for (const [, topic, number] of came) {
      expect(number).toBe(next.get(topic) ?? 0);
      next.set(topic, (number as number) + 1);
    }
  }
  expect(embedded.stats).toMatchObject({ accepted: 200_000, settled: 200_000 });
});

test("connections beyond maxConnections are refused, and let in again once somebody has gone", async () => {
  await using embedded = await Embedded.start({ maxConnections: 20 });
  const clients: RawClient[] = [];
  for (let i = 0; i < 20; i++) clients.push(await embedded.connect());
  for (let i = 0; i < 5; i++) {
    const refused = await embedded.connect({ hello: false });
    expect((await refused.next()).slice(0, 3)).toEqual([Op.ERR, null, "limit"]);
    await refused.closed();
    refused.destroy();
  }
  clients.pop()!.destroy();
  await embedded.until(({ clients }) => clients === 19);
  expect((await embedded.connect()).greeting.client).toBeGreaterThan(20);
});

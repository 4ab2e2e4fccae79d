// Queues at the socket: each message to one member, in order for each, whoever comes and goes.

import { expect, test } from "vitest";

import { Embedded, eventually, numbered, numbers, upTo } from "../support/embedded.ts";
import { ext1 } from "../support/msgpack.ts";
import { Op, type RawClient } from "../support/raw-client.ts";

const QUEUE = ext1({ queue: "q" });

/** The numbers of what has come to `client` so far, and comes before its PONG. */
async function had(client: RawClient): Promise<number[]> {
  return (await client.ping()).filter(([op]) => op === Op.PUB).map((each) => each[2] as number);
}

test("three members share: each message once, in order for each, and none goes without", async () => {
  await using embedded = await Embedded.start();
  const members = [];
  for (let i = 0; i < 3; i++) members.push(await embedded.having([Op.SUB, 1, "t.>", QUEUE]));
  const publisher = await embedded.connect();
  const count = 9000;
  for (let i = 0; i < count; i += 100) publisher.write(numbered(`t.${i % 7}`, i, 100, 500));
  const { before, count: counted } = await publisher.sync();
  expect(counted).toBe(count);
  expect(before.every(([op]) => op === Op.XOFF || op === Op.XON)).toBe(true);
  await embedded.until(({ settled }) => settled === count);
  const shares = [];
  for (const member of members) shares.push(await had(member));
  for (const share of shares) {
    expect(share).toEqual(share.toSorted((a, b) => a - b));
    expect(share.length).toBeGreaterThan(count / 10);
  }
  expect(shares.flat().sort((a, b) => a - b)).toEqual(upTo(count));
  expect(embedded.imbalance).toBe(0);
});

test("two memberships of one connection in one queue share as two members do", async () => {
  await using embedded = await Embedded.start();
  const member = await embedded.having([Op.SUB, 1, "t", QUEUE], [Op.SUB, 2, "t", QUEUE]);
  const publisher = await embedded.connect();
  publisher.write(numbered("t", 0, 200, 10));
  await publisher.sync();
  expect((await had(member)).sort((a, b) => a - b)).toEqual(upTo(200));
  expect(await embedded.connect().then((asker) => asker.ask("$sys.queues"))).toMatchObject({
    queues: [{ queue: "q", members: [member.greeting.client, member.greeting.client], settled: 200 }],
  });
});

test.each([
  ["closes", (member: RawClient) => member.destroy()],
  ["ends its stream", (member: RawClient) => member.end()],
])("a member that %s leaves what was not written to it to the others, in order", async (_how, leave) => {
  await using embedded = await Embedded.start();
  const slow = await embedded.having([Op.SUB, 1, "t", QUEUE]);
  slow.stopReading();
  const publisher = await embedded.connect();
  const count = 2000;
  publisher.write(numbered("t", 0, count, 1000));
  expect((await publisher.sync()).count).toBe(count);
  const { settled, inFlight, waiting } = embedded.stats;
  expect(settled).toBeGreaterThan(0);
  expect(inFlight + waiting).toBeGreaterThan(1000);
  const other = await embedded.having([Op.SUB, 1, "t", QUEUE]);
  await embedded.until((stats) => stats.waiting === 0);
  leave(slow);
  await embedded.until(({ clients }) => clients === 2);
  const came = await had(other);
  // What the other had before comes first; what came back is older, and in order as well.
  const backAt = came.findIndex((number, i) => i > 0 && number < came[i - 1]!);
  for (const run of backAt < 0 ? [came] : [came.slice(0, backAt), came.slice(backAt)]) {
    expect(run).toEqual(run.toSorted((a, b) => a - b));
  }
  expect(came.length).toBe(embedded.stats.settled - (count - came.length));
  expect(new Set(came).size).toBe(came.length);
  expect(came.at(backAt < 0 ? -1 : backAt - 1)).toBe(count - 1);
  expect(embedded.stats).toMatchObject({ accepted: count, settled: count, dropped: 0, inFlight: 0, waiting: 0 });
  expect(embedded.imbalance).toBe(0);
});

test("a member that unsubscribes keeps what was on its way to it, and gets nothing more", async () => {
  await using embedded = await Embedded.start();
  const slow = await embedded.having([Op.SUB, 1, "t", QUEUE]);
  slow.stopReading();
  const publisher = await embedded.connect();
  const count = 2000;
  publisher.write(numbered("t", 0, count, 1000));
  await publisher.sync();
  const other = await embedded.having([Op.SUB, 1, "t", QUEUE]);
  slow.send(Op.UNSUB, 1);
  slow.startReading();
  const { before } = await slow.sync();
  const ofSlow = before.filter(([op]) => op === Op.PUB).map((each) => each[2] as number);
  publisher.write(numbered("t", count, 10, 10));
  await publisher.sync();
  expect(await slow.ping()).toEqual([]);
  await embedded.until(({ settled }) => settled === count + 10);
  expect([...ofSlow, ...(await had(other))].sort((a, b) => a - b)).toEqual(upTo(count + 10));
  expect(embedded.imbalance).toBe(0);
});

test("the last member goes with messages waiting: they are dropped, counted and told", async () => {
  await using embedded = await Embedded.start();
  const watcher = await embedded.having([Op.SUB, 1, "$sys.events.queue.ended"]);
  const member = await embedded.having([Op.SUB, 1, "t", QUEUE]);
  member.stopReading();
  const publisher = await embedded.connect();
  publisher.write(numbered("t", 0, 2000, 1000));
  await publisher.sync();
  member.destroy();
  const [ended] = await watcher.take(Op.PUB, 1);
  expect(ended?.[1]).toBe("$sys.events.queue.ended");
  await embedded.until(({ queues }) => queues === 0);
  const { accepted, settled, dropped, inFlight, waiting } = embedded.stats;
  expect({ accepted: accepted - 1, inFlight, waiting }).toEqual({ accepted: 2000, inFlight: 0, waiting: 0 });
  expect(settled - 1 + dropped).toBe(2000);
  expect(dropped).toBeGreaterThan(1000);
  expect((await embedded.connect().then((client) => client.ask("$sys.queues")))["queues"]).toEqual([]);
});

test("members come and go under load, and each message is had by one of those who stay or took it", async () => {
  await using embedded = await Embedded.start();
  const steady = await embedded.having([Op.SUB, 1, "t", QUEUE]);
  const publisher = await embedded.connect();
  const total = 6000;
  let sent = 0;
  const taken: number[] = [];
  while (sent < total) {
    const guest = await embedded.having([Op.SUB, 1, "t", QUEUE]);
    publisher.write(numbered("t", sent, 600, 200));
    sent += 600;
    await publisher.sync();
    guest.send(Op.UNSUB, 1);
    const { before } = await guest.sync();
    taken.push(...before.filter(([op]) => op === Op.PUB).map((each) => each[2] as number));
    await guest[Symbol.asyncDispose]();
  }
  await embedded.until(({ settled }) => settled === total);
  expect([...taken, ...(await had(steady))].sort((a, b) => a - b)).toEqual(upTo(total));
  expect(embedded.stats.dropped).toBe(0);
  expect(embedded.imbalance).toBe(0);
});

test("what waits in a queue is held by the memory that it needs, and freed with it", async () => {
  await using embedded = await Embedded.start();
  const idle = embedded.stats.heldBytes;
  const member = await embedded.having([Op.SUB, 1, "t", QUEUE], [Op.XOFF, 1]);
  const publisher = await embedded.connect();
  publisher.write(numbered("t", 0, 1000, 1000));
  await publisher.sync();
  const { heldBytes } = embedded.stats;
  expect(heldBytes).toBeGreaterThan(1_000_000);
  expect(heldBytes).toBeLessThan(2_200_000);
  member.send(Op.XON, 1);
  expect(await numbers(member, 1000)).toEqual(upTo(1000));
  await embedded.closeClients();
  await eventually(
    () => embedded.stats.heldBytes <= idle,
    () => `${embedded.stats.heldBytes} of ${idle}`,
  );
});

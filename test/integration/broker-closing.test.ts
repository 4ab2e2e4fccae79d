// The broker ends: its name is free at once, BYE goes to everybody, what is queued is delivered within the grace period.

import { expect, test } from "vitest";

import { createBroker } from "../../broker/index.ts";
import { Embedded, numbered, numbers, upTo } from "../support/embedded.ts";
import { ext1, valueIn } from "../support/msgpack.ts";
import { Op, RawClient } from "../support/raw-client.ts";

/** How long `done` takes, in ms. */
async function took(done: Promise<void>): Promise<number> {
  const started = performance.now();
  await done;
  return performance.now() - started;
}

test("with no client it ends at once", async () => {
  const broker = await createBroker({ address: "@" }).listen();
  expect(await took(broker.close())).toBeLessThan(1000);
  await broker.closed;
});

test("with clients that answer BYE it ends as soon as they are gone", async () => {
  await using embedded = await Embedded.start({ graceMs: 60_000 });
  const clients = [await embedded.connect(), await embedded.connect()];
  const closing = embedded.broker.close();
  for (const client of clients) {
    expect((await client.next())[0]).toBe(Op.BYE);
    client.send(Op.BYE);
    await client.closed();
  }
  expect(await took(closing)).toBeLessThan(5000);
});

test("with clients that say nothing it ends a second after nothing waits any more", async () => {
  await using embedded = await Embedded.start({ graceMs: 60_000 });
  const client = await embedded.connect();
  const ms = await took(embedded.broker.close());
  expect(ms).toBeGreaterThan(900);
  expect(ms).toBeLessThan(10_000);
  await client.closed();
});

test("with a client that never takes what waits for it, it ends with the grace period", async () => {
  await using embedded = await Embedded.start();
  const held = await embedded.having([Op.SUB, 1, "t"], [Op.XOFF, 1]);
  const publisher = await embedded.having([Op.PUB, "t", 1]);
  const ms = await took(embedded.broker.close({ graceMs: 1500 }));
  expect(ms).toBeGreaterThan(1400);
  expect(ms).toBeLessThan(10_000);
  await held.closed();
  await publisher.closed();
  expect(embedded.stats).toMatchObject({ accepted: 1, dropped: 1, waiting: 0, clients: 0 });
});

test("with a grace period of 0 it ends at once, also where it is already closing", async () => {
  await using embedded = await Embedded.start({ graceMs: 60_000 });
  await embedded.having([Op.SUB, 1, "t"], [Op.XOFF, 1], [Op.PUB, "t", 1]);
  const closing = embedded.broker.close();
  expect(await took(embedded.broker.close({ graceMs: 0 }))).toBeLessThan(5000);
  await closing;
});

test("what is queued is delivered to those who read late, and to queues' members, before it ends", async () => {
  await using embedded = await Embedded.start({ graceMs: 60_000 });
  const slow = await embedded.having([Op.SUB, 1, "t"]);
  const member = await embedded.having([Op.SUB, 1, "t", ext1({ queue: "q" })]);
  slow.stopReading();
  member.stopReading();
  const publisher = await embedded.connect();
  publisher.write(numbered("t", 0, 3000, 1000));
  expect((await publisher.sync()).count).toBe(6000);
  const closing = embedded.broker.close();
  expect((await publisher.next())[0]).toBe(Op.BYE);
  // PUBs that were in flight are still taken.
  publisher.write(numbered("t", 3000, 10, 10));
  expect((await publisher.sync()).count).toBe(20);
  slow.startReading();
  expect(await numbers(slow, 3010)).toEqual(upTo(3010));
  member.startReading();
  expect(await numbers(member, 3010)).toEqual(upTo(3010));
  await closing;
  expect(embedded.stats).toMatchObject({ accepted: 6020, settled: 6020, dropped: 0 });
});

test("requests under way are still answered, by clients and by the broker", async () => {
  await using embedded = await Embedded.start({ graceMs: 60_000 });
  const responder = await embedded.having([Op.SUB, 1, "r", ext1({ respond: true })]);
  const caller = await embedded.connect();
  caller.send(Op.REQ, 1, "r", null);
  const [request] = await responder.take(Op.REQ, 1);
  const closing = embedded.broker.close();
  expect((await caller.next())[0]).toBe(Op.BYE);
  caller.send(Op.REQ, 2, "r", null);
  expect((await caller.next()).slice(0, 3)).toEqual([Op.ERR, 2, "closing"]);
  caller.send(Op.SUB, 3, "t");
  expect((await caller.next()).slice(0, 3)).toEqual([Op.ERR, 3, "closing"]);
  responder.send(Op.REPLY, request![1]!, 0, "done");
  expect(await caller.next()).toEqual([Op.REPLY, 1, 0, "done"]);
  await closing;
});

test("its name is free at once: the next broker takes it while the first still delivers", async () => {
  await using first = await Embedded.start({ graceMs: 60_000 });
  const { address } = first.broker;
  const held = await first.having([Op.SUB, 1, "t"], [Op.XOFF, 1], [Op.PUB, "t", "old"]);
  const closing = first.broker.close();
  expect((await held.next())[0]).toBe(Op.BYE);
  await using second = await Embedded.start({ address });
  const moved = await second.having([Op.SUB, 1, "t"], [Op.PUB, "t", "new"]);
  expect((await moved.take(Op.PUB, 1))[0]![2]).toBe("new");
  held.send(Op.XON, 1);
  expect((await held.take(Op.PUB, 1))[0]![2]).toBe("old");
  held.send(Op.BYE);
  await held.closed();
  await closing;
  expect(await moved.ping()).toEqual([]);
});

test("one that is in the middle of its opening is refused with closing", async () => {
  await using embedded = await Embedded.start({ graceMs: 60_000 });
  const client = await embedded.connect({ hello: false });
  expect((await client.next())[0]).toBe(Op.HELLO);
  const closing = embedded.broker.close();
  expect((await client.next()).slice(0, 3)).toEqual([Op.ERR, null, "closing"]);
  await client.closed();
  await closing;
  await expect(RawClient.connect(embedded.broker.address)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("who listens to its end, or reads the log, learns how many messages wait in queues, before BYE", async () => {
  const warned: unknown[] = [];
  const log = (): void => {};
  const logger = { debug: log, info: log, warn: (fields: object) => void warned.push(fields), error: log };
  await using embedded = await Embedded.start({ graceMs: 300, logger });
  const watcher = await embedded.having([Op.SUB, 1, "$sys.events.>"]);
  const member = await embedded.having(
    [Op.SUB, 1, "t", ext1({ queue: "q" })],
    [Op.XOFF, 1],
    [Op.PUB, "t", 1],
    [Op.PUB, "t", 2],
  );
  const closing = embedded.broker.close();
  const seen = await watcher.until(([op]) => op === Op.BYE);
  const last = seen.at(-2)!;
  expect(last[1]).toBe("$sys.events.broker.closing");
  expect(valueIn(last[2])).toMatchObject({ waiting: 2 });
  expect(warned).toContainEqual({ waiting: 2 });
  await closing;
  await member.closed();
});

test("a signal ends one that waits for the address, and one that would begin to", async () => {
  await using embedded = await Embedded.start();
  const waiting = createBroker({ address: embedded.broker.address, wait: true });
  const aborted = { code: "aborted", message: "listen() was aborted", cause: "stop" };
  await expect(waiting.listen({ signal: AbortSignal.abort("stop") })).rejects.toMatchObject(aborted);
  const controller = new AbortController();
  const listening = expect(waiting.listen({ signal: controller.signal })).rejects.toMatchObject(aborted);
  setTimeout(() => controller.abort("stop"), 20);
  await listening;
});

import { expect, test } from "vitest";

import type { Message } from "../../client/index.ts";
import { Buses, delay } from "../support/bus.ts";
import { eventually, upTo } from "../support/embedded.ts";

test("a handler's success is ack, its failure retry, until the message is dead", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const errors: unknown[] = [];
  bus.on("error", ({ error }) => errors.push((error as Error).message));
  const attempts: unknown[] = [];
  const dead: unknown[] = [];
  await bus.subscribe(
    "dead",
    ({ data, headers }) => void dead.push([data, headers["deadReason"], headers["deadAttempts"]]),
  ).ready;
  const sub = bus.subscribe(
    "job",
    { queue: "q", ack: true, maxAttempts: 3, deadLetter: "dead" },
    ({ data, attempt }) => {
      attempts.push([data, attempt]);
      if (data === "bad") throw new Error("can't");
    },
  );
  await sub.ready;
  await bus.publish("job", "good");
  await bus.publish("job", "bad");
  await eventually(
    () => dead.length === 1,
    () => JSON.stringify(attempts),
  );
  expect(attempts).toEqual([
    ["good", 1],
    ["bad", 1],
    ["bad", 2],
    ["bad", 3],
  ]);
  expect(dead).toEqual([["bad", "attempts", 3]]);
  expect(errors).toEqual(["can't", "can't", "can't"]);
});

test("ack, retry and reject by hand, in a loop; leaving it returns the rest", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const other = await buses.connect();
  const options = { queue: "q", ack: true, keep: true, deadLetter: "dead", prefetch: 4 } as const;
  const dead: unknown[] = [];
  await other.subscribe("dead", ({ data }) => void dead.push(data)).ready;
  const sub = bus.subscribe("job", options);
  await sub.ready;
  for (let i = 0; i < 20; i++) await bus.publish("job", i);
  await bus.flush();
  const seen: unknown[] = [];
  for await (const message of sub) {
    seen.push([message.data, message.attempt]);
    if (message.data === 1 && message.attempt === 1) message.retry();
    else if (message.data === 2) message.reject();
    else message.ack();
    expect(message.settled).toBe(true);
    message.ack(); // the first verdict counts
    if (message.data === 5) break;
  }
  expect(seen).toContainEqual([1, 2]);
  const rest: unknown[] = [];
  await other.subscribe("job", options, ({ data }) => void rest.push(data)).ready;
  await eventually(
    () => rest.length === 14,
    () => JSON.stringify(rest),
  );
  expect(rest).toEqual(upTo(14, 6));
  expect(dead).toEqual([2]);
});

test("a slow handler keeps its message by itself", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const attempts: unknown[] = [];
  const sub = bus.subscribe("job", { queue: "q", ack: true, ackTimeoutMs: 150 }, async ({ attempt }) => {
    attempts.push(attempt);
    await delay(500);
  });
  await sub.ready;
  await bus.publish("job", 1);
  await bus.flush();
  await sub.drain();
  expect(attempts).toEqual([1]);
});

test("concurrent handlers settle everything once, and drain gives back what was not begun", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const other = await buses.connect();
  const options = { queue: "q", ack: true, keep: true, concurrency: 4 } as const;
  const done: unknown[] = [];
  const sub = bus.subscribe("job", options, async ({ data }) => {
    await delay(data % 7 === 0 ? 2 : 0);
    done.push(data);
  });
  await sub.ready;
  for (let i = 0; i < 500; i++) await bus.publish("job", i);
  await eventually(
    () => done.length > 50,
    () => `${done.length}`,
  );
  await sub.drain();
  expect(done.length).toBeLessThan(500);
  await other.subscribe("job", options, ({ data }) => void done.push(data)).ready;
  await eventually(
    () => done.length >= 500,
    () => `${done.length}`,
  );
  expect((done as number[]).toSorted((a, b) => a - b)).toEqual(upTo(500));
});

test("a message that is settled after its connection broke is delivered again, and that is not an error", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const held: Message[] = [];
  const errors: unknown[] = [];
  bus.on("error", (event) => errors.push(event));
  const sub = bus.subscribe("job", { queue: "q", ack: true }, async (message) => {
    held.push(message);
    await delay(300);
  });
  await sub.ready;
  await bus.publish("job", 1);
  await eventually(
    () => held.length === 1,
    () => "nothing came",
  );
  await buses.restart();
  await bus.publish("job", 2);
  await eventually(
    () => held.length === 2,
    () => "nothing came again",
  );
  expect(held[1]!.data).toBe(2);
  await sub.drain();
  expect(errors).toEqual([]);
});

test("without ack there is nothing to settle", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const sub = bus.subscribe("t");
  await sub.ready;
  await bus.publish("t", 1);
  for await (const message of sub) {
    expect(message.settled).toBe(true);
    expect(() => message.ack()).toThrow(/ack: true/);
    expect(() => message.retry(-1)).toThrow(/delayMs/);
    break;
  }
});

test("draining a bus returns what was not begun, at the cost of an attempt for one message at the most", async () => {
  await using buses = await Buses.start();
  const publisher = await buses.connect();
  const worker = await buses.connect();
  const options = { queue: "q", ack: true, keep: true } as const;
  let begun = (): void => {};
  const isBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let finish = (): void => {};
  const isFinished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  await worker.subscribe("job", options, async () => {
    begun();
    await isFinished;
  }).ready;
  for (let i = 0; i < 50; i++) await publisher.publish("job", i);
  await publisher.flush();
  await isBegun;
  const draining = worker.drain();
  finish();
  await draining;
  const seen: { data: unknown; attempt: number }[] = [];
  publisher.subscribe("job", options, ({ data, attempt }) => void seen.push({ data, attempt }));
  await eventually(
    () => seen.length === 49,
    () => JSON.stringify(seen),
  );
  expect(seen.map(({ data }) => data)).toEqual(upTo(49, 1));
  expect(seen.filter(({ attempt }) => attempt > 1).length).toBeLessThanOrEqual(1);
});

test("draining a bus waits for the pass of a loop whose message is not settled", async () => {
  await using buses = await Buses.start();
  const publisher = await buses.connect();
  const worker = await buses.connect();
  const options = { queue: "q", ack: true, keep: true } as const;
  const sub = worker.subscribe("job", options);
  await sub.ready;
  for (let i = 0; i < 5; i++) await publisher.publish("job", i);
  let draining: Promise<void> | undefined;
  for await (const message of sub) {
    draining = worker.drain();
    await delay(50);
    message.ack();
  }
  await draining;
  expect(await publisher.request("$sys.queue.show", { queue: "q" })).toMatchObject({
    settled: 1,
    waiting: 4,
    inFlight: 0,
  });
});

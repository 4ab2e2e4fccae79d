import { expect, test } from "vitest";

import type { ErrorEvent, Message } from "../../client/index.ts";
import { Buses, delay } from "../support/bus.ts";
import { eventually, upTo } from "../support/embedded.ts";

test("a handler that throws, or rejects, is told as an error, and the next message comes", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const errors: ErrorEvent[] = [];
  bus.on("error", (event) => errors.push(event));
  const seen: unknown[] = [];
  const sub = bus.subscribe("t", async ({ data }) => {
    seen.push(data);
    if (data === 1) throw new Error("one");
    await delay(1);
    if (data === 2) throw new Error("two");
  });
  for (const n of [1, 2, 3]) await bus.publish("t", n);
  await eventually(
    () => seen.length === 3 && errors.length === 2,
    () => String(seen),
  );
  expect(seen).toEqual([1, 2, 3]);
  expect(
    errors.map(({ error, where, subscription, message }) => [
      (error as Error).message,
      where,
      subscription === sub,
      message?.data,
    ]),
  ).toEqual([
    ["one", "handler", true, 1],
    ["two", "handler", true, 2],
  ]);
});

test("a handler that unsubscribes gets nothing more, also of what had come", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const seen: unknown[] = [];
  const sub = bus.subscribe("t", async ({ data }) => {
    seen.push(data);
    if (data === 2) await sub.unsubscribe();
  });
  await sub.ready;
  for (let i = 0; i < 1000; i++) await bus.publish("t", i);
  expect(await sub.closed).toBeUndefined();
  await bus.flush();
  expect(seen).toEqual([0, 1, 2]);
});

test("leaving a loop ends the subscription; a second loop is refused", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const sub = bus.subscribe("t");
  await sub.ready;
  for (let i = 0; i < 100; i++) await bus.publish("t", i);
  const seen: unknown[] = [];
  for await (const { data } of sub) {
    seen.push(data);
    if (data === 9) break;
  }
  expect(seen).toEqual(upTo(10));
  expect(await sub.closed).toBeUndefined();
  expect(() => sub[Symbol.asyncIterator]()).toThrow(/loop already/);
  expect(() => bus.subscribe("t", () => {})[Symbol.asyncIterator]()).toThrow(/has a handler/);
  await bus.publish("t", 1);
  expect((await bus.request("$sys.stats", {})).subscriptions).toBe(1);
});

test("concurrency runs so many handlers at once, and no more", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  let running = 0;
  let most = 0;
  let done = 0;
  const sub = bus.subscribe("t", { concurrency: 3 }, async () => {
    most = Math.max(most, ++running);
    await delay(1);
    running--;
    done++;
  });
  await sub.ready;
  for (let i = 0; i < 60; i++) await bus.publish("t", i);
  await bus.flush();
  await sub.drain();
  expect(done).toBe(60);
  expect(most).toBe(3);
});

test("a handler calls request, and publish with confirm, on its own connection under full load", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const other = await buses.connect();
  bus.respond("double", ({ data }) => data * 2);
  const sums: number[] = [];
  const results: number[] = [];
  const payload = Buffer.alloc(4096);
  const done = bus.subscribe("done", ({ data }) => void results.push(data));
  const sub = bus.subscribe("work", async ({ headers }) => {
    const doubled = await bus.request("double", headers["n"]);
    expect(await bus.publish("done", doubled, { confirm: true })).toBe(1);
    sums.push(doubled);
  });
  await Promise.all([sub.ready, done.ready]);
  // Far more than the subscription's inbox and the sockets hold.
  const count = 3000;
  for (let n = 0; n < count; n++) await other.publish("work", payload, { headers: { n } });
  await other.flush();
  await eventually(
    () => sums.length === count,
    () => `${sums.length} of ${count}`,
  );
  expect(sums).toEqual(upTo(count).map((n) => 2 * n));
  await bus.flush();
  expect(results).toEqual(sums);
});

test("a handler publishes into the queue that it works on while that is full, and publishers outside wait", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  let blocked = 0;
  bus.on("blocked", () => blocked++);
  bus.on("error", ({ error }) => failures.push(error));
  const failures: unknown[] = [];
  const seen = new Map<string, number>();
  let inFlight = 0;
  // Behind awaits, so that nothing of the handler's call is on the stack when it publishes.
  const sub = bus.subscribe("job", { queue: "jobs", maxMessages: 500 }, async ({ headers }) => {
    inFlight++;
    await (inFlight % 100 === 0 ? delay(1) : new Promise((resolve) => setImmediate(resolve)));
    const id = headers["id"] as string;
    seen.set(id, (seen.get(id) ?? 0) + 1);
    if (!id.includes("+") && Number(id) % 10 === 0) await bus.publish("job", null, { headers: { id: `${id}+` } });
  });
  await sub.ready;
  const count = 12_000;
  const all = 13_200;
  const ballast = Buffer.alloc(512);
  for (let i = 0; i < count; i++) await bus.publish("job", ballast, { headers: { id: String(i) } });
  await bus.flush();
  await eventually(
    () => seen.size === all,
    () => `${seen.size} of ${all}, ${String(failures[0])}`,
  );
  expect(blocked).toBeGreaterThan(0);
  expect(failures).toEqual([]);
  expect([...seen.values()].every((times) => times === 1)).toBe(true);
});

test("a loop that publishes into what it reads, while that is full, goes on", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const failures: unknown[] = [];
  bus.on("error", ({ error }) => failures.push(error));
  const sub = bus.subscribe("job", { queue: "jobs", maxMessages: 300 });
  await sub.ready;
  const count = 6000;
  const publishing = (async () => {
    for (let i = 0; i < count; i++) await bus.publish("job", Buffer.alloc(512, i));
    await bus.flush();
  })();
  let fresh = 0;
  let again = 0;
  for await (const { data } of sub) {
    if (typeof data === "string") again++;
    else if (++fresh % 10 === 0) await bus.publish("job", "again");
    if (fresh === count && again === count / 10) break;
  }
  await publishing;
  expect(failures).toEqual([]);
});

test("the client never stops reading: a slow handler holds up neither replies nor other subscriptions", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const other = await buses.connect();
  let release = (): void => {};
  const stuck = new Promise<void>((resolve) => {
    release = resolve;
  });
  let slow = 0;
  const sub = bus.subscribe("slow", { maxBytes: 1024 * 1024 }, async () => {
    slow++;
    await stuck;
  });
  const fast: unknown[] = [];
  const quick = bus.subscribe("fast", ({ data }) => void fast.push(data));
  await Promise.all([sub.ready, quick.ready]);
  let held: unknown;
  other.on("blocked", (event) => {
    held = event;
  });
  const payload = Buffer.alloc(16 * 1024);
  let sent = 0;
  const publishing = (async () => {
    for (; sent < 400; sent++) await other.publish("slow", payload);
  })();
  await eventually(
    () => held !== undefined,
    () => `${sent} sent`,
  );
  expect(held).toMatchObject({ topic: "slow", why: `client ${bus.client}` });
  await other.publish("fast", "news");
  await eventually(
    () => fast.length === 1,
    () => "no news",
  );
  expect((await bus.request("$sys.ping", {})).broker).toBeTypeOf("string");
  expect(slow).toBe(1);
  release();
  await publishing;
  await other.flush();
  await eventually(
    () => slow === 400,
    () => `${slow} of 400`,
  );
});

test("messages stay as they are for as long as they are held", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const held: Message[] = [];
  const sub = bus.subscribe("t.*", (message) => void held.push(message));
  await sub.ready;
  for (let i = 0; i < 20_000; i++)
    await bus.publish(`t.${i % 7}`, Buffer.from(`payload ${i}`), i % 5 === 0 ? { headers: { i } } : {});
  await bus.flush();
  await sub.drain();
  expect(held).toHaveLength(20_000);
  for (const [i, message] of held.entries()) {
    if (message.topic !== `t.${i % 7}` || message.bytes.toString() !== `payload ${i}`)
      throw new Error(`message ${i} changed`);
    if (i % 5 === 0 && message.headers["i"] !== i) throw new Error(`headers of message ${i} changed`);
  }
});

import { expect, test } from "vitest";

import { connect } from "../../client/index.ts";
import { Buses, delay } from "../support/bus.ts";
import { eventually, upTo } from "../support/embedded.ts";

test("drain: handlers finish what had come, what was published goes out, then the bus is closed", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const other = await buses.connect();
  const results: unknown[] = [];
  await other.subscribe("done", ({ data }) => void results.push(data)).ready;
  const sub = bus.subscribe("work", async ({ data }) => {
    await delay(1);
    await bus.publish("done", data);
  });
  await sub.ready;
  for (let i = 0; i < 100; i++) await other.publish("work", i);
  await other.flush();
  await eventually(
    () => results.length > 0,
    () => "nothing done",
  );
  const events: string[] = [];
  for (const name of ["close", "disconnect", "reconnect", "gap"] as const) bus.on(name, () => events.push(name));
  await bus.drain();
  expect(events).toEqual(["close"]);
  expect(await bus.closed).toBeUndefined();
  expect(await sub.closed).toBeUndefined();
  await other.flush();
  expect(results).toEqual(upTo(100));
  expect(() => bus.subscribe("t")).toThrow(/closed/);
  await bus.drain();
  await bus.close();
});

test("await using drains a bus and ends a subscription", async () => {
  await using buses = await Buses.start();
  const observer = await buses.connect();
  const seen: unknown[] = [];
  await observer.subscribe("t", ({ data }) => void seen.push(data)).ready;
  {
    await using bus = await connect({ address: buses.broker.address });
    await using sub = bus.subscribe("x");
    await using responder = bus.respond("y", () => 1);
    await Promise.all([sub.ready, responder.ready]);
    expect((await observer.request("$sys.stats", {})).subscriptions).toBeGreaterThan(1);
    for (let i = 0; i < 10; i++) void bus.publish("t", i);
  }
  await eventually(
    () => seen.length === 10,
    () => String(seen),
  );
  await eventually(
    async () => (await observer.request("$sys.stats", {})).subscriptions === 1,
    () => "subscriptions left",
  );
});

test("close sends what was published, ends loops and rejects what waits", async () => {
  await using buses = await Buses.start();
  const observer = await buses.connect();
  const seen: unknown[] = [];
  await observer.subscribe("t", ({ data }) => void seen.push(data)).ready;
  const bus = await buses.connect();
  const loop = (async () => {
    for await (const message of bus.subscribe("x")) void message;
    return "ended";
  })();
  await bus.respond("hang", () => new Promise(() => {})).ready;
  const hanging = expect(bus.request("hang")).rejects.toMatchObject({ code: "closed" });
  for (let i = 0; i < 5000; i++) void bus.publish("t", i);
  await bus.close();
  expect(await loop).toBe("ended");
  await hanging;
  await eventually(
    () => seen.length === 5000,
    () => `${seen.length}`,
  );
  expect(seen).toEqual(upTo(5000));
});

test("signals end subscriptions, loops, responders, drain and connect", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const controller = new AbortController();
  const { signal } = controller;
  const handled = bus.subscribe("t", { signal }, () => {});
  const looped = bus.subscribe("t", { signal });
  const loop = (async () => {
    for await (const message of looped) void message;
  })();
  const responder = bus.respond("r", () => 1, { signal });
  const connecting = connect({ address: "@podbus-test-nobody", signal });
  const rejected = [loop, connecting].map((promise) =>
    expect(promise).rejects.toMatchObject({ code: "aborted", cause: "stop" }),
  );
  await Promise.all([handled.ready, looped.ready, responder.ready]);
  controller.abort("stop");
  for (const ended of [handled, looped, responder])
    expect(await ended.closed).toMatchObject({ code: "aborted", cause: "stop" });
  await Promise.all(rejected);
  expect(() => bus.subscribe("t", { signal })).toThrow(/aborted/);
  await expect(connect({ address: buses.broker.address, signal })).rejects.toMatchObject({ code: "aborted" });
  expect((await bus.request("$sys.stats", {})).subscriptions).toBe(0);
  const stuck = bus.subscribe("t", () => new Promise(() => {}));
  await stuck.ready;
  await bus.publish("t", 1, { confirm: true });
  await expect(bus.drain({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ code: "aborted" });
  expect(await bus.closed).toBeUndefined();
  const other = await buses.connect();
  await other.subscribe("t", () => new Promise(() => {})).ready;
  await other.publish("t", 1, { confirm: true });
  await expect(other.drain({ timeoutMs: 20 })).rejects.toMatchObject({ code: "timeout" });
});

test("a subscription that the broker refuses says why, everywhere", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const errors: unknown[] = [];
  bus.on("error", ({ where, subscription }) => errors.push([where, subscription]));
  const refused = bus.subscribe("t", { queue: "q", retained: true });
  const ready = expect(refused.ready).rejects.toMatchObject({ code: "bad_option" });
  await expect(refused[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "bad_option" });
  await ready;
  expect(await refused.closed).toMatchObject({ code: "bad_option" });
  expect(errors).toEqual([["subscription", refused]]);
  expect(() => bus.subscribe("a..b")).toThrow(expect.objectContaining({ code: "bad_pattern" }));
  expect(() => bus.subscribe("t", { ques: "q" } as object)).toThrow(/no option "ques"/);
  expect(() => bus.publish("t", 1, { confrim: true } as object)).toThrow(
    /publish\(\) has no option "confrim"; it has /,
  );
  expect(() => bus.respond("t", () => 1, { ques: 1 } as object)).toThrow(/respond\(\) has no option "ques"/);
  expect(() => bus.requestMany("t", 1, { timeout: 1 } as object)).toThrow(/requestMany\(\) has no option "timeout"/);
  await expect(bus.request("t", 1, { timeout: 1 } as object)).rejects.toThrow(/request\(\) has no option "timeout"/);
  await expect(bus.waitFor("t", { fro: "any" } as object)).rejects.toThrow(/waitFor\(\) has no option "fro"/);
  await expect(bus.drain({ timeout: 1 } as object)).rejects.toThrow(/drain\(\) has no option "timeout"/);
  expect(() => bus.subscribe("t", { concurrency: 0 })).toThrow(/concurrency/);
  expect(() => bus.subscribe("t", {}, 5 as never)).toThrow(/function/);
});

test("drain of a subscription: a loop gets what had come, and ends", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const sub = bus.subscribe("t");
  await sub.ready;
  for (let i = 0; i < 50; i++) await bus.publish("t", i);
  await bus.flush();
  await sub.drain();
  await bus.publish("t", "late");
  const seen: unknown[] = [];
  for await (const { data } of sub) seen.push(data);
  expect(seen).toEqual(upTo(50));
});

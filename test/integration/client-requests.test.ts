import { expect, test } from "vitest";

import { ApplicationError } from "../../client/index.ts";
import { Buses, delay } from "../support/bus.ts";
import { eventually, upTo } from "../support/embedded.ts";

test("answers of every kind", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  bus.respond("echo.*", ({ topic, data, headers }) => ({ topic, data, headers }));
  bus.respond("nothing", () => {});
  bus.respond("later", async ({ data }) => {
    await delay(1);
    return data;
  });
  expect(await bus.request("echo.a", { x: 1 }, { headers: { h: 2 } })).toEqual({
    topic: "echo.a",
    data: { x: 1 },
    headers: { h: 2 },
  });
  expect(await bus.request("nothing")).toBeNull();
  expect(await bus.request("later", Buffer.of(1, 2))).toEqual(Buffer.of(1, 2));
});

test("errors of every kind", async () => {
  await using buses = await Buses.start({ maxFrame: 65_536 });
  const bus = await buses.connect();
  bus.respond("throws", () => {
    throw Object.assign(new Error("no luck"), { code: "E_LUCK" });
  });
  bus.respond("rejects", () => Promise.reject(new TypeError("not today")));
  bus.respond("unsendable", () => () => {});
  bus.respond("too.large", () => Buffer.alloc(70_000));
  bus.respond("slow", () => new Promise(() => {}));
  const failure = bus.request("throws", 1);
  await expect(failure).rejects.toBeInstanceOf(ApplicationError);
  await expect(failure).rejects.toMatchObject({ code: "application", data: { message: "no luck", code: "E_LUCK" } });
  await expect(bus.request("rejects", 1)).rejects.toMatchObject({
    code: "application",
    data: { message: "not today" },
  });
  await expect(bus.request("unsendable", 1)).rejects.toMatchObject({
    code: "application",
    data: { code: "bad_payload" },
  });
  await expect(bus.request("too.large", 1)).rejects.toMatchObject({ code: "application", data: { code: "too_large" } });
  await expect(bus.request("nobody", 1)).rejects.toMatchObject({ code: "no_responders" });
  await expect(bus.request("slow", 1, { timeoutMs: 20 })).rejects.toMatchObject({ code: "timeout" });
  await expect(bus.request("a b", 1)).rejects.toMatchObject({ code: "bad_topic" });
  await expect(bus.request("t", Buffer.alloc(70_000))).rejects.toMatchObject({ code: "too_large" });
  await expect(bus.request("t", 1, { timeoutMs: -1 })).rejects.toMatchObject({ code: "bad_option" });
  expect((await bus.request("$sys.ping", {})).broker).toBeTypeOf("string");
});

test("a responder that goes is told at once", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const responder = await buses.connect();
  await responder.respond("hang", () => new Promise(() => {})).ready;
  const gone = bus.request("hang", 1);
  const isGone = expect(gone).rejects.toMatchObject({ code: "responder_gone" });
  await bus.request("$sys.ping", {});
  await responder.close();
  await isGone;
});

test("a stream of replies; request() takes its first and cancels the rest", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  let sent = 0;
  let ended = 0;
  bus.respond("count", async function* ({ data, signal }) {
    try {
      for (let i = 0; i < data && !signal.aborted; i++) {
        sent++;
        yield i;
        if (i % 100 === 0) await delay(1);
      }
    } finally {
      ended++;
    }
  });
  bus.respond("one", () => 5);
  bus.respond("fails", async function* () {
    yield 1;
    throw new Error("broke");
  });
  const seen: unknown[] = [];
  for await (const reply of bus.requestMany("count", 1000)) seen.push(reply);
  expect(seen).toEqual(upTo(1000));
  for await (const reply of bus.requestMany("one")) seen.push(reply);
  expect(seen.at(-1)).toBe(5);
  expect(await bus.request("count", 1_000_000)).toBe(0);
  await eventually(
    () => ended === 2,
    () => `${sent} sent`,
  );
  expect(sent).toBeLessThan(500_000);
  for await (const reply of bus.requestMany("count", 1_000_000)) if (reply === 10) break;
  await eventually(
    () => ended === 3,
    () => `${sent} sent`,
  );
  const until: unknown[] = [];
  const failing = (async () => {
    for await (const reply of bus.requestMany("fails")) until.push(reply);
  })();
  await expect(failing).rejects.toMatchObject({ code: "application" });
  expect(until).toEqual([1]);
});

test("a signal gives up, and the responder hears of it", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  let aborted = 0;
  await bus.respond("hang", ({ signal }) => {
    signal.addEventListener("abort", () => aborted++);
    return new Promise(() => {});
  }).ready;
  const controller = new AbortController();
  const requests = [
    bus.request("hang", 1, { signal: controller.signal }),
    bus.requestMany("hang", 1, { signal: controller.signal }).next(),
    bus.waitFor("nobody.here", { signal: controller.signal }),
  ].map((promise) => expect(promise).rejects.toMatchObject({ code: "aborted", cause: "enough" }));
  await bus.request("$sys.ping", {});
  controller.abort("enough");
  await Promise.all(requests);
  await eventually(
    () => aborted === 2,
    () => `${aborted}`,
  );
  await expect(bus.request("hang", 1, { signal: controller.signal })).rejects.toMatchObject({ code: "aborted" });
});

test("a responder's handlers run at once, or one after the other where that is wanted", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const most = { many: 0, one: 0 };
  const running = { many: 0, one: 0 };
  const handler = (which: "many" | "one") => async () => {
    most[which] = Math.max(most[which], ++running[which]);
    await delay(2);
    running[which]--;
  };
  bus.respond("many", handler("many"));
  bus.respond("one", handler("one"), { concurrency: 1 });
  // Calls itself, which would wait for itself if handlers waited for each other.
  bus.respond("factorial", async ({ data }) => (data === 0 ? 1 : data * (await bus.request("factorial", data - 1))));
  await Promise.all(upTo(20).flatMap(() => [bus.request("many"), bus.request("one")]));
  expect(most.many).toBeGreaterThan(1);
  expect(most.one).toBe(1);
  expect(await bus.request("factorial", 20)).toBe(2_432_902_008_176_640_000);
});

test("waitFor: somebody who subscribes, or only who responds", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const other = await buses.connect();
  const any = bus.waitFor("t.a");
  const responder = bus.waitFor("t.a", { for: "responder" });
  other.subscribe("t.*", () => {});
  expect(await any).toEqual({ subscriptions: 1, queues: 0, responders: 0 });
  other.respond("t.a", () => 1);
  expect(await responder).toMatchObject({ responders: 1 });
  await expect(bus.waitFor("nobody", { timeoutMs: 20 })).rejects.toMatchObject({ code: "timeout" });
});

test("10,000 requests at once are all answered", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const responder = await buses.connect();
  await responder.respond("double", ({ data }) => data * 2).ready;
  const answers = await Promise.all(upTo(10_000).map((n) => bus.request("double", n)));
  expect(answers).toEqual(upTo(10_000).map((n) => 2 * n));
});

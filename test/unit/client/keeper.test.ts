import { expect, test } from "vitest";

import { type BusEvent, PodbusError } from "../../../client/index.ts";
import { coreOf, FakeEnv, GREETING, openBus, reconnect, settle } from "../../support/fake-env.ts";
import { Op } from "../../support/raw-client.ts";

const refusedBySystem = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });

test("connect() tries again, with growing pauses, until there is a broker", async () => {
  const env = new FakeEnv();
  env.refusal = refusedBySystem;
  const core = coreOf(env);
  const connecting = core.connect(undefined);
  await env.pass(5000);
  env.refusal = undefined;
  await env.pass(1000);
  expect(env.brokers).toHaveLength(1);
  await env.broker.open();
  await connecting;
  await core.close();
});

test("it gives up after connectTimeoutMs, or after one try where that is 0", async () => {
  for (const connectTimeoutMs of [3000, 0]) {
    const env = new FakeEnv();
    env.refusal = refusedBySystem;
    const failed = expect(coreOf(env, { connectTimeoutMs }).connect(undefined)).rejects.toMatchObject({
      code: "disconnected",
      message: expect.stringMatching(
        /no broker could be reached on @fake.* \(nobody listens there\); .*podbus serve --address @fake/,
      ),
      cause: refusedBySystem,
    });
    await env.pass(connectTimeoutMs);
    await failed;
    expect(env.now).toBe(connectTimeoutMs);
    expect(env.timers).toBe(0);
  }
});

test("a broker that is full is tried again; one that does not want us is not", async () => {
  const env = new FakeEnv();
  const core = coreOf(env);
  const connecting = core.connect(undefined);
  await settle();
  env.broker.say(Op.ERR, null, "limit", "maxConnections");
  await env.pass(1000);
  expect(env.brokers).toHaveLength(2);
  env.broker.say(Op.ERR, null, "bad_auth", "prove it");
  await expect(connecting).rejects.toMatchObject({ code: "bad_auth", message: "prove it" });
  expect(env.timers).toBe(0);
});

test("a broker that was full at every try is what is told, and not that another is to be started", async () => {
  const env = new FakeEnv();
  const failed = expect(coreOf(env, { connectTimeoutMs: 1000 }).connect(undefined)).rejects.toMatchObject({
    code: "limit",
    message: "the broker on @fake let nobody in within 1 s: maxConnections",
  });
  await settle();
  let tried = 0;
  const refuseAll = (): void => {
    while (tried < env.brokers.length) env.brokers[tried++]!.say(Op.ERR, null, "limit", "maxConnections");
  };
  while (env.now < 1000) {
    refuseAll();
    await env.pass(10);
  }
  refuseAll();
  await failed;
});

test("a signal ends the tries, in a pause as well as in an opening", async () => {
  for (const refusal of [refusedBySystem, undefined]) {
    const env = new FakeEnv();
    env.refusal = refusal;
    const controller = new AbortController();
    const failed = expect(coreOf(env).connect(controller.signal)).rejects.toMatchObject({
      code: "aborted",
      cause: "no",
    });
    await env.pass(100);
    controller.abort("no");
    await failed;
    expect(env.timers).toBe(0);
  }
});

test("a lost connection is replaced for as long as it takes; a refusal is told, once for each reason", async () => {
  const fake = await openBus();
  const { bus, env } = fake;
  const events: BusEvent[] = [];
  for (const name of ["connect", "disconnect", "reconnect", "error", "close"] as const) {
    bus.on(name, (event: BusEvent) => void events.push(event));
  }
  fake.broker.hangUp();
  env.refusal = refusedBySystem;
  await env.pass(60_000);
  env.refusal = new PodbusError("not_allowed", "another uid listens there");
  await env.pass(60_000);
  env.refusal = undefined;
  await env.pass(2000);
  await fake.broker.open({ ...GREETING, client: 9 });
  expect(events.map(({ type }) => type)).toEqual(["disconnect", "error", "reconnect"]);
  expect(events[1]).toMatchObject({ where: "connection", error: { code: "not_allowed" } });
  expect(events[2]).toMatchObject({ address: "@fake", client: 9 });
  expect((events[2] as { awayMs: number }).awayMs).toBeGreaterThan(120_000);
  expect(bus.client).toBe(9);
});

test("a broker that ends every connection at once is not hammered", async () => {
  const fake = await openBus();
  for (let i = 0; i < 20; i++) {
    fake.broker.hangUp();
    await fake.env.pass(2000);
    if (!fake.broker.isDestroyed) await fake.broker.open();
  }
  const before = fake.env.brokers.length;
  fake.broker.hangUp();
  await fake.env.pass(500);
  expect(fake.env.brokers.length).toBe(before);
});

test("subscriptions and responders are registered anew, with new numbers, before what was kept is sent", async () => {
  const fake = await openBus();
  fake.bus.subscribe("a", { queue: "q" }, () => {});
  fake.bus.respond("b", () => 1);
  const first = await fake.broker.came();
  fake.broker.hangUp();
  void fake.bus.publish("t", 1);
  fake.bus.subscribe("c", () => {});
  await fake.env.pass(2000);
  await fake.broker.open();
  const again = await fake.broker.came();
  expect(again.map(([op, , what]) => [op, what])).toEqual([
    [Op.SUB, "a"],
    [Op.SUB, "b"],
    [Op.SUB, "c"],
    [Op.PUB, 1],
  ]);
  const sids = [...first, ...again].filter(([op]) => op === Op.SUB).map(([, sid]) => sid);
  expect(new Set(sids).size).toBe(5);
});

test("BYE: what is under way is finished, BYE is answered, and publishes are for the next broker", async () => {
  const fake = await openBus();
  const { bus, broker, env } = fake;
  let answer = (_value: string): void => {};
  bus.respond("slow", () => new Promise((resolve) => (answer = resolve)));
  bus.publish("t", 1);
  const [[, sid]] = (await broker.came()) as [[number, number]];
  broker.sayAll([Op.FOR, sid], [Op.REQ, 5, "slow", null], [Op.BYE, "ending"]);
  expect(bus.publish("t", 2)).toBeUndefined();
  await env.pass(100);
  const sync = await broker.confirm(0);
  expect(sync.map(([op]) => op)).toEqual([Op.SYNC]);
  await env.pass(100);
  expect(await broker.came()).toEqual([]);
  answer("done");
  await env.pass(100);
  expect(await broker.came()).toEqual([[Op.REPLY, 5, 0, "done"], [Op.BYE]]);
  const events: BusEvent[] = [];
  bus.on("disconnect", (event) => events.push(event));
  bus.on("error", (event) => events.push(event));
  broker.hangUp();
  expect(events).toMatchObject([{ type: "disconnect", error: { code: "closing" }, unconfirmed: 0 }]);
  await env.pass(2000);
  await fake.broker.open();
  expect((await fake.broker.came()).filter(([op]) => op === Op.PUB)).toEqual([[Op.PUB, "t", 2]]);
});

test("BYE: a loop that waits for the next message keeps nobody waiting; one that works on one does", async () => {
  const { bus, broker, env } = await openBus();
  const loop = bus.subscribe("t", { queue: "q", ack: true, durable: true })[Symbol.asyncIterator]();
  const first = loop.next();
  const [[, sid]] = (await broker.came()) as [[number, number]];
  broker.sayAll([Op.FOR, sid, 1], [Op.PUB, "t", 1]);
  const { value: message } = await first;
  broker.say(Op.BYE, "ending");
  await env.pass(200);
  expect(await broker.came()).toEqual([]);
  message!.ack();
  void loop.next();
  await env.pass(20);
  expect(await broker.came()).toEqual([[Op.ACK, sid, 1, 1, 0], [Op.BYE]]);
});

test("what comes too late for a broker that ends is asked of the next one", async () => {
  const fake = await openBus();
  const { bus, broker } = fake;
  const answer = bus.request("t", 1);
  bus.subscribe("x", () => {});
  const [[, id], [, sid]] = (await broker.came()) as [[number, number], [number, number]];
  broker.sayAll(
    [Op.BYE],
    [Op.ERR, id, "closing", "the broker is ending"],
    [Op.ERR, sid, "closing", "the broker is ending"],
  );
  await reconnect(fake);
  const frames = await fake.broker.came();
  expect(frames.map(([op]) => op)).toEqual([Op.SUB, Op.REQ]);
  fake.broker.say(Op.REPLY, frames[1]![1]!, 0, "late");
  expect(await answer).toBe("late");
});

import { expect, test } from "vitest";

import { createBroker } from "../../broker/index.ts";
import { type BusEvent, connect } from "../../client/index.ts";
import { Buses, delay, next } from "../support/bus.ts";
import { eventually, upTo } from "../support/embedded.ts";
import { uniqueAddress } from "../support/processes.ts";

test("connect() waits for a broker that comes later", async () => {
  const address = uniqueAddress();
  const connecting = connect({ address, connectTimeoutMs: 10_000 });
  await delay(100);
  await using broker = await createBroker({ address }).listen();
  await using bus = await connecting;
  expect((await bus.request("$sys.ping", {})).broker).toBeTypeOf("string");
  expect(bus.address).toBe(broker.address);
});

test("without a broker connect() says what there is instead, and what to do", async () => {
  await using buses = await Buses.start();
  const address = uniqueAddress();
  const failed = connect({ address, connectTimeoutMs: 50 });
  await expect(failed).rejects.toMatchObject({ code: "disconnected" });
  const message = await failed.catch((error: Error) => error.message);
  expect(message).toContain(address);
  expect(message).toContain(`podbus serve --address ${address}`);
  expect(message).toMatch(/abstract sockets that listen here: @/);
  expect(message).not.toContain("\n");
  await expect(connect({ address, connectTimeoutMs: 0 })).rejects.toMatchObject({ code: "disconnected" });
  await expect(connect({ address: buses.broker.address, brokerUid: 4_000_000 })).rejects.toMatchObject({
    code: "not_allowed",
  });
  await using bus = await connect({ address: buses.broker.address, brokerUid: process.getuid!() });
  expect(bus.client).toBeGreaterThan(0);
});

test("a restarted broker: subscriptions, queues and responders are there again, and it is told", async () => {
  await using buses = await Buses.start();
  const publisher = await buses.connect();
  const worker = await buses.connect({ name: "worker" });
  const events: BusEvent[] = [];
  for (const name of ["connect", "disconnect", "reconnect", "gap", "error", "close"] as const) {
    worker.on(name, (event: BusEvent) => void events.push(event));
  }
  const seen: unknown[] = [];
  const plain = worker.subscribe("t.*", ({ topic, data }) => void seen.push([topic, data]));
  const queued = worker.subscribe("job", { queue: "q" }, ({ data }) => void seen.push(data));
  const responder = worker.respond("echo", ({ data }) => data);
  await Promise.all([plain.ready, queued.ready, responder.ready]);
  await eventually(
    () => events.length === 1,
    () => JSON.stringify(events),
  );
  const back = Promise.all([next(worker, "reconnect"), next(publisher, "reconnect")]);
  await buses.restart();
  await back;
  await publisher.waitFor("t.x");
  await publisher.waitFor("job");
  await publisher.waitFor("echo", { for: "responder" });
  await publisher.publish("t.x", 1);
  await publisher.publish("job", 2);
  await publisher.flush();
  expect(await publisher.request("echo", "hello")).toBe("hello");
  await eventually(
    () => seen.length === 2,
    () => JSON.stringify(seen),
  );
  expect(seen).toContainEqual(["t.x", 1]);
  expect(seen).toContain(2);
  expect(events.map(({ type }) => type)).toEqual(["connect", "disconnect", "gap", "reconnect"]);
  expect(events[1]).toMatchObject({ error: { code: "closing" }, unconfirmed: 0 });
  expect(events[2]).toMatchObject({ subscription: plain, lost: undefined, why: "disconnected" });
});

test("publishes while away are kept and sent in order; confirmed ones are confirmed by the next broker", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const other = await buses.connect();
  const seen: unknown[] = [];
  other.subscribe("t", ({ data }) => void seen.push(data));
  const gone = next(bus, "disconnect");
  const { address } = buses.broker;
  await buses.broker.close({ graceMs: 0 });
  await gone;
  for (let i = 0; i < 1000; i++) await bus.publish("t", i);
  const confirmed = bus.publish("none", "x", { confirm: true });
  const flushed = bus.flush();
  const asked = bus.request("$sys.ping", {});
  buses.broker = await createBroker({ address }).listen();
  expect(await confirmed).toBe(0);
  await flushed;
  expect((await asked).broker).toBeTypeOf("string");
  await other.waitFor("t");
  await bus.publish("t", "end");
  await eventually(
    () => seen.at(-1) === "end",
    () => String(seen.at(-1)),
  );
  // What was sent before the other one had subscribed again is its gap; what came is in order.
  const numbers = seen.slice(0, -1) as number[];
  expect(numbers).toEqual(upTo(numbers.length, 1000 - numbers.length));
});

test("a request under way is not repeated when the connection breaks; one made while away is asked in time, or times out", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const responder = await buses.connect();
  let asked = 0;
  const hanging = responder.respond("hang", () => {
    asked++;
    return new Promise(() => {});
  });
  await hanging.ready;
  const lost = bus.request("hang", 1);
  const isLost = expect(lost).rejects.toMatchObject({ code: "disconnected" });
  await eventually(
    () => asked === 1,
    () => "not asked",
  );
  const gone = next(bus, "disconnect");
  const { address } = buses.broker;
  await buses.broker.close({ graceMs: 0 });
  await gone;
  await isLost;
  await expect(bus.request("$sys.ping", {}, { timeoutMs: 30 })).rejects.toMatchObject({ code: "timeout" });
  const later = bus.request("$sys.ping", {}, { timeoutMs: 10_000 });
  const waiting = bus.waitFor("nowhere.yet");
  buses.broker = await createBroker({ address }).listen();
  expect((await later).broker).toBeTypeOf("string");
  bus.subscribe("nowhere.yet", () => {});
  expect(await waiting).toMatchObject({ subscriptions: 1 });
  expect(asked).toBe(1);
});

test("the broker's orderly end: handlers and replies are finished first", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const caller = await buses.connect();
  const isAsked = new Promise<void>((resolve) => {
    bus.respond("slow", async () => {
      resolve();
      await delay(200);
      return "done";
    });
  });
  await caller.waitFor("slow", { for: "responder" });
  const answer = caller.request("slow", 1);
  await isAsked;
  const gone = next(caller, "disconnect");
  await buses.broker.close({ graceMs: 5000 });
  expect(await answer).toBe("done");
  expect(await gone).toMatchObject({ error: { code: "closing" } });
});

test("close ends the tries to reconnect", async () => {
  const buses = await Buses.start();
  const bus = await buses.connect();
  const loop = (async () => {
    for await (const message of bus.subscribe("t")) void message;
    return "ended";
  })();
  const gone = next(bus, "disconnect");
  await buses.broker.close({ graceMs: 0 });
  await gone;
  await bus.close();
  expect(await bus.closed).toBeUndefined();
  expect(await loop).toBe("ended");
  await expect(bus.request("t", 1)).rejects.toMatchObject({ code: "closed" });
});

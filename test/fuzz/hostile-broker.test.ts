// A broker that does not keep to the protocol can cost a client its connection, and not its memory: what it floods the client with is
// bounded, and the client says why it let go.

import { describe, expect, test } from "vitest";

import { PodbusError } from "../../shared/errors.ts";
import { type FakeBus, GREETING, openBus, settle } from "../support/fake-env.ts";
import { Float, frame, frames } from "../support/msgpack.ts";
import { Op } from "../support/raw-client.ts";

const MIB = 1024 * 1024;

/** Why the client gave the connection up. */
function disconnected({ bus }: FakeBus): Promise<PodbusError> {
  return new Promise((resolve) => bus.once("disconnect", ({ error }) => resolve(error as PodbusError)));
}

describe("a frame that is only announced", () => {
  test.each([
    ["with a limit that a broker can have", 0x7fff_ffff],
    ["with one that it can't", 2 ** 53 - 1],
  ])("costs nothing before it comes, and is refused above maxIncoming, %s", async (_what, maxFrame) => {
    const fake = await openBus({ maxIncoming: 100_000 }, { ...GREETING, maxFrame });
    const lost = disconnected(fake);
    const before = process.memoryUsage().external;
    // A PUB of a payload of 4 GiB less one.
    fake.broker.sayBytes(Buffer.from("9301a174c6ffffffff", "hex"));
    const { code, message } = await lost;
    expect(code).toBe("too_large");
    expect(message).toMatch(/maxIncoming/);
    expect(process.memoryUsage().external - before).toBeLessThan(8 * MIB);
  });
});

test("times that no broker can have are not heeded: no timer runs wild", async () => {
  for (const value of [1e-300, 0.5, -1, 1e308, 2 ** 40]) {
    const heartbeatMs = new Float(value);
    const fake = await openBus({}, { ...GREETING, heartbeatMs, stallMs: heartbeatMs });
    await fake.env.pass(1000);
    // Not even one heartbeat of the default has passed.
    expect(await fake.broker.came()).toEqual([]);
    expect(fake.env.timers).toBeLessThan(5);
  }
});

test("topics in XOFF without end end the connection", async () => {
  const fake = await openBus();
  const lost = disconnected(fake);
  for (let i = 0; i < 20_000 && !fake.broker.isDestroyed; i += 100) {
    fake.broker.sayBytes(frames(...Array.from({ length: 100 }, (_, j) => [Op.XOFF, `t.${i + j}`] as const)));
  }
  const { code, message } = await lost;
  expect(code).toBe("limit");
  expect(message).toMatch(/holds 16384 topics/);
});

test("PINGs from one who does not read are not answered without end", async () => {
  const fake = await openBus();
  fake.broker.capacity = 0;
  const pings = frames(...Array.from({ length: 10_000 }, () => [Op.PING] as const));
  for (let i = 0; i < 100; i++) {
    fake.broker.sayBytes(pings);
    await settle(1);
  }
  fake.broker.take();
  await settle();
  expect(fake.broker.writes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(200_000);
  // And those of one who reads are.
  fake.broker.bytes();
  fake.broker.say(Op.PING);
  expect(await fake.broker.came()).toEqual([[Op.PONG]]);
});

test("messages for a subscription that is held, without end, end the connection", async () => {
  const fake = await openBus();
  fake.bus.subscribe("a", () => new Promise(() => {}));
  await settle();
  const sid = (await fake.broker.came()).find(([op]) => op === Op.SUB)![1]!;
  const lost = disconnected(fake);
  fake.broker.say(Op.FOR, sid);
  const message = frame(Op.PUB, "a", Buffer.alloc(MIB));
  let said = 0;
  while (!fake.broker.isDestroyed && said < 400) {
    fake.broker.sayBytes(message);
    said++;
  }
  const { code, message: why } = await lost;
  expect(code).toBe("limit");
  expect(why).toMatch(/goes on with a/);
  expect(said).toBeLessThan(300);
});

test("gaps without end, behind a handler that never ends, are bounded likewise", async () => {
  const fake = await openBus();
  fake.bus.subscribe("a", () => new Promise(() => {}));
  await settle();
  const sid = (await fake.broker.came()).find(([op]) => op === Op.SUB)![1]!;
  const lost = disconnected(fake);
  fake.broker.say(Op.FOR, sid);
  fake.broker.say(Op.PUB, "a", 1);
  const gaps = frames(...Array.from({ length: 5000 }, () => [Op.GAP, sid, 1] as const));
  for (let i = 0; i < 1000 && !fake.broker.isDestroyed; i++) fake.broker.sayBytes(gaps);
  expect((await lost).code).toBe("limit");
});

test("requests from one who does not read the answers end the connection", async () => {
  const fake = await openBus();
  const answer = Buffer.alloc(60_000);
  fake.bus.respond("r", () => answer);
  await settle();
  const sid = (await fake.broker.came()).find(([op]) => op === Op.SUB)![1]!;
  const lost = disconnected(fake);
  fake.broker.capacity = 0;
  fake.broker.say(Op.FOR, sid);
  for (let id = 1; id < 8000 && !fake.broker.isDestroyed; id++) {
    fake.broker.say(Op.REQ, id, "r", null);
    if (id % 50 === 0) await settle(1);
  }
  const { code, message } = await lost;
  expect(code).toBe("limit");
  expect(message).toMatch(/asks more/);
});

test("keys that name parts of every object, records, classes and depth reach nothing", async () => {
  const fake = await openBus();
  const seen: unknown[] = [];
  const failures: unknown[] = [];
  fake.bus.subscribe("a", (message) => {
    seen.push(message.headers);
    try {
      seen.push(message.data);
    } catch (error) {
      failures.push(error);
    }
  });
  await settle();
  const sid = (await fake.broker.came()).find(([op]) => op === Op.SUB)![1]!;
  const deep = Buffer.concat([Buffer.alloc(5000, 0x91), Buffer.of(0xc0)]);
  const hostile = [
    "81a95f5f70726f746f5f5f81a3626164c3", // {"__proto__": {"bad": true}}
    "81ab636f6e7374727563746f7281a970726f746f7479706581a3626164c3", // {"constructor": {"prototype": {"bad": true}}}
    "d4724093a16101", // a record of msgpackr
    "c7040172666f6f", // an ext 1 in the value: a class, an error, a set
    "c70165a5",
    deep.toString("hex"),
  ];
  fake.broker.say(Op.FOR, sid);
  for (const hex of hostile) {
    const body = Buffer.from(hex, "hex");
    const head = Buffer.alloc(6, 0xc9);
    head.writeUInt32BE(body.length, 1);
    head[5] = 1;
    const value = Buffer.concat([head, body]);
    fake.broker.sayBytes(Buffer.concat([Buffer.from("9401a161", "hex"), value, value]));
  }
  await settle();
  expect(({} as Record<string, unknown>)["bad"]).toBeUndefined();
  for (const value of seen) expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(failures).toHaveLength(4);
  for (const failure of failures) expect(failure).toMatchObject({ code: "bad_payload" });
  await fake.bus.close().catch(() => {});
});

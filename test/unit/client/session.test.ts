import { describe, expect, test } from "vitest";

import { type BusEvent, PodbusError } from "../../../client/index.ts";
import { eventually } from "../../support/embedded.ts";
import { coreOf, FakeEnv, GREETING, openBus, settle } from "../../support/fake-env.ts";
import { ext1, frame } from "../../support/msgpack.ts";
import { Op } from "../../support/raw-client.ts";

const hello = (greeting: object = GREETING): Buffer => frame(Op.HELLO, 1, ext1(greeting as Record<string, number>));

/** A client that was greeted so; what its `connect()` came to, and what it sent. */
async function greeted(...said: Buffer[]): Promise<{ outcome: unknown; sent: string }> {
  const env = new FakeEnv();
  const core = coreOf(env, { connectTimeoutMs: 0, name: "w" });
  let outcome: unknown = "waiting";
  core.connect(undefined).then(
    () => {
      outcome = "open";
    },
    (error: unknown) => {
      outcome = error;
    },
  );
  await settle();
  for (const bytes of said) env.broker.sayBytes(bytes);
  // A refusal comes with a list of the sockets there are, which takes a moment.
  await eventually(
    () => outcome !== "waiting",
    () => "connect() came to nothing",
  );
  const sent = env.broker.bytes().toString("hex");
  await core.close();
  return { outcome, sent };
}

describe("the opening", () => {
  test("byte for byte", async () => {
    const { outcome, sent } = await greeted(hello(), frame(Op.OK, 0));
    expect(outcome).toBe("open");
    // [0, 1, ext 1 {"name": "w"}]
    expect(sent).toBe("930001d70181a46e616d65a177");
  });

  test("split at every byte", async () => {
    const bytes = Buffer.concat([hello(), frame(Op.OK, 0, ext1({}))]);
    for (let at = 1; at < bytes.length; at++) {
      const { outcome } = await greeted(bytes.subarray(0, at), bytes.subarray(at));
      expect(outcome).toBe("open");
    }
  });

  test("a broker that says little of itself gets the defaults", async () => {
    expect((await greeted(frame(Op.HELLO, 1), frame(Op.OK, 0))).outcome).toBe("open");
    expect((await greeted(hello({ maxFrame: "x", client: -1 }), frame(Op.OK, 0))).outcome).toBe("open");
  });

  test.each([
    ["another version", frame(Op.HELLO, 2, ext1(GREETING)), "bad_hello"],
    ["a refusal", frame(Op.ERR, null, "not_allowed", "uid 5 is not allowed"), "not_allowed"],
    ["no HELLO", frame(Op.PING), "disconnected"],
    ["HTTP", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), "disconnected"],
    ["a nested array", Buffer.of(0x91, 0x90), "disconnected"],
    ["a HELLO that is far too large", frame(Op.HELLO, 1, Buffer.alloc(5000)), "disconnected"],
  ])("%s", async (_what, bytes, code) => {
    const { outcome } = await greeted(bytes);
    expect(outcome).toBeInstanceOf(PodbusError);
    expect((outcome as PodbusError).code).toBe(code);
  });

  test("somebody who says nothing is not waited for beyond five seconds", async () => {
    const env = new FakeEnv();
    const core = coreOf(env, { connectTimeoutMs: 0 });
    const failed = expect(core.connect(undefined)).rejects.toMatchObject({
      code: "disconnected",
      message: expect.stringContaining("did not greet"),
    });
    await env.pass(5000);
    await failed;
    expect(env.broker.isDestroyed).toBe(true);
    expect(env.timers).toBe(0);
  });
});

describe("frames", () => {
  test("messages, split at every byte, and what they are", async () => {
    const { bus, broker } = await openBus();
    const seen: unknown[] = [];
    bus.subscribe(
      "t.>",
      ({ topic, data, headers, retained, attempt }) => void seen.push([topic, data, headers, retained, attempt]),
    );
    const [[, sid]] = (await broker.came()) as [[number, number]];
    const bytes = Buffer.concat([
      frame(Op.FOR, sid, null, null, 1),
      frame(Op.RETAIN, "t.a", "old"),
      frame(Op.FOR, sid),
      frame(Op.PUB, "t.ü", ext1({ x: [1] }), ext1({ h: 1 })),
      frame(Op.PUB, "t.b", null, null, "elements that nobody defined", 5),
    ]);
    const expected = [
      ["t.a", "old", {}, true, 1],
      ["t.ü", { x: [1] }, { h: 1 }, false, 1],
      ["t.b", null, {}, false, 1],
    ];
    for (let at = 1; at < bytes.length; at++) {
      seen.length = 0;
      broker.sayBytes(bytes.subarray(0, at));
      broker.sayBytes(bytes.subarray(at));
      expect(seen).toEqual(expected);
    }
  });

  test("a payload that can't be decoded safely is an error of who reads it, and its bytes are there", async () => {
    const { bus, broker } = await openBus();
    const seen: unknown[] = [];
    bus.subscribe("t", (message) => {
      expect(() => message.data).toThrow(expect.objectContaining({ code: "bad_payload" }));
      seen.push(message.bytes.toString("hex"));
    });
    const [[, sid]] = (await broker.came()) as [[number, number]];
    broker.say(Op.FOR, sid);
    broker.sayBytes(Buffer.from("9301a174c70401d4720000", "hex"));
    expect(seen).toEqual(["d4720000"]);
  });

  test("PING is answered", async () => {
    const { broker } = await openBus();
    broker.say(Op.PING);
    expect(await broker.came()).toEqual([[Op.PONG]]);
  });

  test.each([
    ["an op that nobody defined", frame(77)],
    ["an op that is not the broker's", frame(Op.SUB, 1, "t")],
    ["a FOR without a sid", frame(Op.FOR)],
    ["a FOR with sid 0", frame(Op.FOR, 0)],
    ["an XOFF of a number", frame(Op.XOFF, 5)],
    ["an ERR without a message", frame(Op.ERR, null, "limit")],
    ["a REPLY of a status that is none", frame(Op.REPLY, 1, 9, null)],
    ["a map", Buffer.of(0x81, 1, 2)],
    ["an unused byte", Buffer.of(0x92, 1, 0xc1)],
  ])("%s ends the connection, and the client connects anew", async (_what, bytes) => {
    const { bus, env, broker } = await openBus();
    const events: BusEvent[] = [];
    bus.on("disconnect", (event) => events.push(event));
    broker.sayBytes(bytes);
    expect(broker.isDestroyed).toBe(true);
    expect(events).toMatchObject([{ error: { code: "bad_frame" } }]);
    await env.pass(2000);
    expect(env.brokers).toHaveLength(2);
  });

  test("what is for nobody any more is ignored", async () => {
    const { broker } = await openBus();
    broker.sayAll(
      [Op.PUB, "t", 1],
      [Op.FOR, 99],
      [Op.PUB, "t", 1],
      [Op.REQ, 5, "t", 1],
      [Op.GAP, 99, 3],
      [Op.OK, 99, 1],
      [Op.ERR, 99, "limit", "…"],
      [Op.REPLY, 99, 0, null],
      [Op.CANCEL, 99],
      [Op.PONG],
    );
    expect(await broker.came()).toEqual([]);
    expect(broker.isDestroyed).toBe(false);
  });

  test("an ERR about the connection is an error event, and why it ended", async () => {
    const { bus, broker } = await openBus();
    const events: BusEvent[] = [];
    bus.on("error", (event) => events.push(event));
    bus.on("disconnect", (event) => events.push(event));
    broker.say(Op.ERR, null, "stalled", "you took nothing for 30 s");
    broker.hangUp();
    expect(events).toMatchObject([
      { type: "error", where: "connection", error: { code: "stalled" } },
      { type: "disconnect", error: { code: "stalled" } },
    ]);
  });
});

describe("signs of life", () => {
  test("silence for a heartbeat is answered with PING, for another with the end", async () => {
    const { bus, env, broker } = await openBus();
    const events: BusEvent[] = [];
    bus.on("disconnect", (event) => events.push(event));
    await env.pass(1000);
    expect(await broker.came()).toEqual([[Op.PING]]);
    broker.say(Op.PONG);
    await env.pass(2000);
    expect(await broker.came()).toEqual([[Op.PING]]);
    broker.say(Op.PONG);
    await env.pass(1000);
    expect(broker.isDestroyed).toBe(false);
    await env.pass(2000);
    expect(broker.isDestroyed).toBe(true);
    expect(events).toMatchObject([
      { error: { code: "disconnected", message: expect.stringContaining("two heartbeats") } },
    ]);
  });

  test("what is in doubt is asked for with it", async () => {
    const { bus, env, broker } = await openBus();
    bus.publish("t", 1);
    await broker.came();
    await env.pass(1000);
    expect((await broker.came()).map(([op]) => op)).toEqual([Op.SYNC, Op.PING]);
  });
});

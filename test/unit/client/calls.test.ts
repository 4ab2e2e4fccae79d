import { describe, expect, test } from "vitest";

import { type FakeBus, GREETING, openBus, reconnect, settle } from "../../support/fake-env.ts";
import { ext1, valueIn } from "../../support/msgpack.ts";
import { Op } from "../../support/raw-client.ts";

async function all(replies: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const reply of replies) items.push(reply);
  return items;
}

describe("a request", () => {
  test("byte for byte, and its answer", async () => {
    const { bus, broker } = await openBus();
    const answer = bus.request("t", 5, { timeoutMs: 300 });
    await settle();
    // [7, 1, "t", 5, nil, 300]
    expect(broker.bytes().toString("hex")).toBe("960701a17405c0cd012c");
    broker.say(Op.REPLY, 1, 0, ext1({ ok: true }));
    expect(await answer).toEqual({ ok: true });
  });

  test("without a limit it has no time-out, and headers are sent", async () => {
    const { bus, broker, env } = await openBus();
    void bus.request("t", null, { timeoutMs: 0, headers: { h: 1 } });
    expect(await broker.came()).toEqual([[Op.REQ, 1, "t", null, ext1({ h: 1 })]]);
    expect(env.timers).toBe(1); // the heartbeat
  });

  test("the broker's answers of every kind", async () => {
    const { bus, broker } = await openBus();
    for (const code of ["no_responders", "responder_gone", "timeout", "not_allowed"] as const) {
      const failed = expect(bus.request("t", 1)).rejects.toMatchObject({ code, message: "why" });
      const [[, id]] = (await broker.came()) as [[number, number]];
      broker.say(Op.ERR, id, code, "why");
      await failed;
    }
    for (const [payload, message] of [
      ["plain text", "plain text"],
      [ext1({ message: "in a map", code: "E" }), "in a map"],
      ["two\nlines", "two\\x0alines"],
      [5, "it did not say why"],
    ] as const) {
      const failed = expect(bus.request("t", 1)).rejects.toMatchObject({
        code: "application",
        message: `the responder to t failed: ${message}`,
      });
      const [[, id]] = (await broker.came()) as [[number, number]];
      broker.say(Op.REPLY, id, 2, payload);
      await failed;
    }
    const undecodable = expect(bus.request("t", 1)).rejects.toMatchObject({ code: "bad_payload" });
    const [[, id]] = (await broker.came()) as [[number, number]];
    broker.sayBytes(Buffer.from(`9408${id.toString(16).padStart(2, "0")}00c70401d4720000`, "hex"));
    await undecodable;
  });

  test("a broker that does not keep the time: the client does, a little later, and cancels", async () => {
    const { bus, broker, env } = await openBus({}, { ...GREETING, heartbeatMs: 60_000 });
    const late = expect(bus.request("t", 1, { timeoutMs: 500 })).rejects.toMatchObject({ code: "timeout" });
    void bus.request("other", 1, { timeoutMs: 5000 }).catch(() => {});
    await broker.came();
    await env.pass(700);
    expect(await broker.came()).toEqual([]);
    await env.pass(100);
    await late;
    expect(await broker.came()).toEqual([[Op.CANCEL, 1]]);
    broker.say(Op.REPLY, 1, 0, "too late");
    await env.pass(5000);
    expect(await broker.came()).toEqual([[Op.CANCEL, 2]]);
  });
});

describe("where all responders are busy", () => {
  const quiet = { ...GREETING, heartbeatMs: 60_000 };

  test("requests wait, and one goes for each that is done; in order, refused ones first", async () => {
    const { bus, broker } = await openBus({}, quiet);
    const answers = [1, 2, 3, 4].map((n) => bus.request("t", n));
    await broker.came();
    broker.sayAll([Op.ERR, 3, "unavailable", "busy"], [Op.ERR, 4, "unavailable", "busy"]);
    answers.push(bus.request("t", 5));
    const other = bus.request("other", 0);
    expect((await broker.came()).map(([, id, topic]) => [id, topic])).toEqual([[5, "other"]]);
    broker.sayAll([Op.REPLY, 5, 0, null], [Op.REPLY, 1, 0, "a"]);
    expect(await broker.came()).toEqual([[Op.REQ, 6, "t", 3, null, 30_000]]);
    broker.sayAll([Op.REPLY, 2, 0, "b"], [Op.REPLY, 6, 0, "c"]);
    expect((await broker.came()).map(([, , , payload]) => payload)).toEqual([4, 5]);
    broker.sayAll([Op.REPLY, 7, 0, "d"], [Op.REPLY, 8, 0, "e"]);
    expect(await Promise.all(answers)).toEqual(["a", "b", "c", "d", "e"]);
    await other;
    void bus.request("t", 6).catch(() => {});
    expect((await broker.came()).map(([op]) => op)).toEqual([Op.REQ]);
    await bus.close();
  });

  test("they are tried now and then, and fail once nothing was done for a second", async () => {
    const { bus, broker, env } = await openBus({}, quiet);
    const answer = bus.request("t", 1);
    let [[, id]] = (await broker.came()) as [[number, number]];
    broker.say(Op.ERR, id, "unavailable", "busy");
    await env.pass(20);
    [[, id]] = (await broker.came()) as [[number, number]];
    broker.say(Op.REPLY, id, 0, "at last");
    expect(await answer).toBe("at last");
    const failed = expect(bus.request("t", 1)).rejects.toMatchObject({ code: "unavailable", message: "busy" });
    let tries = 0;
    for (let i = 0; i < 110; i++) {
      for (const [, again] of await broker.came()) {
        tries++;
        broker.say(Op.ERR, again!, "unavailable", "busy");
      }
      await env.pass(10);
    }
    await failed;
    expect(tries).toBeGreaterThan(10);
    expect(env.timers).toBeLessThanOrEqual(2); // the heartbeat, and the deadlines' own
  });

  test("one that is cancelled or out of time meanwhile is not sent, and a broken connection sends the rest anew", async () => {
    const fake = await openBus({}, quiet);
    const { bus } = fake;
    const controller = new AbortController();
    const first = expect(bus.request("t", 1)).rejects.toMatchObject({ code: "disconnected" });
    const aborted = expect(bus.request("t", 2, { signal: controller.signal })).rejects.toMatchObject({
      code: "aborted",
    });
    const kept = bus.request("t", 3);
    await fake.broker.came();
    fake.broker.sayAll([Op.ERR, 2, "unavailable", "busy"], [Op.ERR, 3, "unavailable", "busy"]);
    controller.abort();
    await aborted;
    fake.broker.hangUp();
    await first;
    await fake.env.pass(2000);
    await fake.broker.open(quiet);
    const frames = await fake.broker.came();
    expect(frames.map(([, , , payload]) => payload)).toEqual([3]);
    fake.broker.say(Op.REPLY, frames[0]![1]!, 0, "x");
    expect(await kept).toBe("x");
  });
});

describe("while away", () => {
  test("requests wait, with the time that they have left, and within maxBuffered", async () => {
    const fake = await openBus({ maxBuffered: 1000 });
    fake.broker.hangUp();
    const answer = fake.bus.request("t", 1, { timeoutMs: 5000 });
    const late = expect(fake.bus.request("t", 2, { timeoutMs: 500 })).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("no connection"),
    });
    await expect(fake.bus.request("t", Buffer.alloc(1000))).rejects.toMatchObject({ code: "limit" });
    await fake.env.pass(1000);
    await late;
    await fake.broker.open();
    expect(await fake.broker.came()).toEqual([[Op.REQ, expect.any(Number), "t", 1, null, 4000]]);
    fake.broker.say(Op.REPLY, 2, 0, "x");
    void answer.catch(() => {});
    await fake.bus.close();
  });

  test("what was asked is not asked again, but waitFor is", async () => {
    const fake = await openBus();
    const lost = expect(fake.bus.request("t", 1)).rejects.toMatchObject({ code: "disconnected" });
    const waiting = fake.bus.waitFor("t", { for: "responder", timeoutMs: 20_000 });
    await settle();
    await reconnect(fake);
    await lost;
    const frames = await fake.broker.came();
    expect(frames).toHaveLength(1);
    expect(frames[0]!.slice(0, 3)).toEqual([Op.REQ, expect.any(Number), "$sys.wait"]);
    expect(valueIn(frames[0]![3])).toEqual({ topic: "t", for: "responder", timeoutMs: 20_000 });
    fake.broker.say(Op.REPLY, frames[0]![1]!, 0, ext1({ subscriptions: 0, queues: 0, responders: 1 }));
    expect(await waiting).toEqual({ subscriptions: 0, queues: 0, responders: 1 });
  });
});

describe("many replies", () => {
  test("are given as they come; nil is the end", async () => {
    const { bus, broker } = await openBus();
    const replies = bus.requestMany("t", 1);
    expect(await broker.came()).toEqual([]);
    const first = replies.next();
    await settle();
    broker.sayAll([Op.REPLY, 1, 1, "a"], [Op.REPLY, 1, 1, "b"], [Op.REPLY, 1, 0, null]);
    expect(await first).toEqual({ done: false, value: "a" });
    expect(await all(replies)).toEqual(["b"]);
  });

  test("each has the time-out anew", async () => {
    const { bus, broker, env } = await openBus({}, { ...GREETING, heartbeatMs: 60_000 });
    const seen: unknown[] = [];
    const failed = expect(
      (async () => {
        for await (const reply of bus.requestMany("t", 1, { timeoutMs: 1000 })) seen.push(reply);
      })(),
    ).rejects.toMatchObject({ code: "timeout" });
    await settle();
    for (let i = 0; i < 3; i++) {
      await env.pass(900);
      broker.say(Op.REPLY, 1, 1, i);
    }
    await env.pass(1300);
    await failed;
    expect(seen).toEqual([0, 1, 2]);
  });

  test("a loop that takes none is cut off", async () => {
    const { bus, broker } = await openBus();
    const replies = bus.requestMany("t", 1);
    const first = replies.next();
    await settle();
    broker.frames();
    for (let i = 0; i < 66_000; i++) broker.say(Op.REPLY, 1, 1, i);
    expect((await first).value).toBe(0);
    expect(await broker.came()).toEqual([[Op.CANCEL, 1]]);
    await expect(all(replies)).rejects.toMatchObject({ code: "limit" });
  });

  test("a loop that takes large ones too slowly is cut off by their bytes, and what has come is given first", async () => {
    const greeting = { ...GREETING, maxFrame: 16 * 1024 * 1024 };
    const { bus, broker } = await openBus({}, greeting);
    const replies = bus.requestMany("t", 1);
    const first = replies.next();
    await settle();
    broker.frames();
    const large = Buffer.alloc(8 * 1024 * 1024);
    const sayLarge = (): void => broker.say(Op.REPLY, 1, 1, large);
    for (let i = 0; i < 8; i++) sayLarge();
    await first;
    expect((await replies.next()).done).toBe(false);
    sayLarge(); // room was made by who took one
    expect(await broker.came()).toEqual([]);
    sayLarge();
    expect(await broker.came()).toEqual([[Op.CANCEL, 1]]);
    for (let i = 0; i < 8; i++) expect((await replies.next()).value).toHaveLength(large.length);
    await expect(replies.next()).rejects.toMatchObject({
      code: "limit",
      message: expect.stringMatching(/^8 replies of 671\d{5} bytes from t wait to be taken/),
    });
  });
});

test("replies that are asked for at once are given in order, each once", async () => {
  const { bus, broker } = await openBus();
  const replies = bus.requestMany("t");
  const asked = [1, 2, 3, 4].map(() => replies.next());
  await broker.came();
  for (const [status, payload] of [
    [1, "a"],
    [1, "b"],
    [0, null],
  ] as const)
    broker.say(Op.REPLY, 1, status, payload);
  const end = { done: true, value: undefined };
  expect(await Promise.all(asked)).toEqual([{ done: false, value: "a" }, { done: false, value: "b" }, end, end]);
  const failing = bus.requestMany("t");
  const both = [failing.next(), failing.next()];
  const failed = expect(both[0]).rejects.toMatchObject({ code: "no_responders" });
  const [[, id]] = (await broker.came()) as [[number, number]];
  broker.say(Op.ERR, id, "no_responders", "nobody");
  await failed;
  expect(await both[1]).toEqual(end);
});

describe("answers", () => {
  test("of every kind, byte for byte", async () => {
    const { bus, broker } = await openBus();
    bus.respond("r.*", ({ data }) => {
      if (data === "throw") throw Object.assign(new Error("no"), { code: "E_NO" });
      if (data === "stream") {
        return (async function* () {
          yield 1;
          yield Buffer.of(2);
        })();
      }
      return data === "nothing" ? undefined : data;
    });
    const [[, sid]] = (await broker.came()) as [[number, number]];
    broker.sayAll([Op.FOR, sid], [Op.REQ, 9, "r.a", 7]);
    await settle();
    expect(broker.bytes().toString("hex")).toBe("9408090007");
    broker.sayAll([Op.REQ, 10, "r.a", "nothing"], [Op.REQ, 11, "r.a", "throw"], [Op.REQ, 12, "r.a", "stream"]);
    expect(await broker.came()).toEqual([
      [Op.REPLY, 10, 0, null],
      [Op.REPLY, 11, 2, ext1({ message: "no", code: "E_NO" })],
      [Op.REPLY, 12, 1, 1],
      [Op.REPLY, 12, 1, Buffer.of(2)],
      [Op.REPLY, 12, 0, null],
    ]);
  });

  test("what is thrown need not be an error, nor have a text", async () => {
    const { bus, broker } = await openBus();
    bus.respond("r", ({ data }) => {
      throw data === 1 ? { message: "of my own", code: "MINE" } : Object.create(null);
    });
    const [[, sid]] = (await broker.came()) as [[number, number]];
    broker.sayAll([Op.FOR, sid], [Op.REQ, 1, "r", 1], [Op.REQ, 2, "r", 2]);
    expect(await broker.came()).toEqual([
      [Op.REPLY, 1, 2, ext1({ message: "of my own", code: "MINE" })],
      [Op.REPLY, 2, 2, ext1({ message: "it threw what has no text" })],
    ]);
  });

  describe("a stream whose items are there at once waits for room, and goes on", () => {
    const part = Buffer.alloc(1000);
    async function stream(): Promise<{ fake: FakeBus; made: () => number }> {
      const fake = await openBus();
      let made = 0;
      fake.bus.respond("r", async function* () {
        for (; made < 3000; made++) yield part;
      });
      const [[, sid]] = (await fake.broker.came()) as [[number, number]];
      fake.broker.say(Op.FOR, sid);
      return { fake, made: () => made };
    }

    test("once a turn, where the socket takes all", async () => {
      const { fake, made } = await stream();
      fake.broker.say(Op.REQ, 1, "r", null);
      await settle(1);
      expect(made()).toBeGreaterThan(100);
      expect(made()).toBeLessThan(1500);
      fake.broker.say(Op.CANCEL, 1);
      await settle(100);
      expect(made()).toBeLessThan(2500);
    });

    test("where it takes nothing; publishes wait as well", async () => {
      const { fake, made } = await stream();
      fake.broker.capacity = 0;
      fake.broker.say(Op.REQ, 1, "r", null);
      await settle(20);
      const before = made();
      expect(before).toBeLessThan(1500);
      expect(fake.bus.publish("t", 1)).toBeInstanceOf(Promise);
      fake.broker.take();
      await settle(200);
      expect(made()).toBe(3000);
    });

    test("a broken connection ends it", async () => {
      const { fake, made } = await stream();
      fake.broker.capacity = 0;
      fake.broker.say(Op.REQ, 1, "r", null);
      await settle(20);
      await reconnect(fake);
      await settle(100);
      expect(made()).toBeLessThan(1500);
    });
  });

  test("CANCEL, or a broken connection, aborts the signal, and nothing is answered", async () => {
    const fake = await openBus();
    const reasons: unknown[] = [];
    fake.bus.respond("r", async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      reasons.push((signal.reason as { code: string }).code);
      return "late";
    });
    const [[, sid]] = (await fake.broker.came()) as [[number, number]];
    fake.broker.sayAll([Op.FOR, sid], [Op.REQ, 1, "r", null], [Op.REQ, 2, "r", null], [Op.CANCEL, 1]);
    expect(await fake.broker.came()).toEqual([]);
    expect(reasons).toEqual(["aborted"]);
    await reconnect(fake);
    expect(reasons).toEqual(["aborted", "aborted"]);
    expect((await fake.broker.came()).map(([op]) => op)).toEqual([Op.SUB]);
  });

  test("after its end a responder answers what it has", async () => {
    const { bus, broker } = await openBus();
    const ends: (() => void)[] = [];
    const responder = bus.respond("r", () => new Promise<void>((resolve) => ends.push(resolve)), { concurrency: 1 });
    const [[, sid]] = (await broker.came()) as [[number, number]];
    broker.sayAll([Op.FOR, sid], [Op.REQ, 1, "r", null], [Op.REQ, 2, "r", null]);
    const drained = responder.drain();
    await broker.confirm(0);
    ends.shift()!();
    await settle();
    ends.shift()!();
    await drained;
    expect(await broker.came()).toEqual([
      [Op.REPLY, 1, 0, null],
      [Op.REPLY, 2, 0, null],
    ]);
  });

  test("a message for a responder, or a request for a subscription, can't be", async () => {
    const one = await openBus();
    one.bus.respond("r", () => 1);
    const [[, responder]] = (await one.broker.came()) as [[number, number]];
    one.broker.sayAll([Op.FOR, responder], [Op.PUB, "r", 1]);
    expect(one.broker.isDestroyed).toBe(true);
    const other = await openBus();
    other.bus.subscribe("t");
    const [[, sid]] = (await other.broker.came()) as [[number, number]];
    other.broker.sayAll([Op.FOR, sid], [Op.REQ, 1, "t", 1]);
    expect(other.broker.isDestroyed).toBe(true);
  });
});

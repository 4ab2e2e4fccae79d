import { describe, expect, test } from "vitest";

import type { BusEvent } from "../../../client/events.ts";
import { PodbusError } from "../../../shared/errors.ts";
import { GREETING, openBus, reconnect, settle } from "../../support/fake-env.ts";
import { ext1 } from "../../support/msgpack.ts";
import { Op } from "../../support/raw-client.ts";

const KIB = Buffer.alloc(1024);

function code(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return (error as PodbusError).code;
  }
  return undefined;
}

describe("the way straight out", () => {
  test("publishes of one turn are one write, in order, byte for byte", async () => {
    const { bus, broker } = await openBus();
    const before = broker.writes.length;
    expect(bus.publish("a", Buffer.of(1, 2))).toBeUndefined();
    expect(bus.publish("a", "x")).toBeUndefined();
    expect(bus.publish("b.c", 5, { headers: { h: true } })).toBeUndefined();
    expect(bus.publish("b", null, { retain: true })).toBeUndefined();
    await settle();
    expect(broker.writes.length - before).toBe(1);
    expect(broker.bytes().toString("hex")).toBe(
      ["9301a161c4020102", "9301a161a178", "9401a3622e6305d60181a168c3", "9312a162c0"].join(""),
    );
  });

  test("structures are ext 1, and wide lengths are written as such", async () => {
    const { bus, broker } = await openBus();
    bus.publish("t", { id: 1 });
    bus.publish("t", Buffer.alloc(300));
    const long = "t".repeat(255);
    bus.publish(long, Buffer.alloc(1));
    const frames = await broker.came();
    expect(frames[0]).toEqual([Op.PUB, "t", ext1({ id: 1 })]);
    expect(frames[1]).toEqual([Op.PUB, "t", Buffer.alloc(300)]);
    expect(frames[2]).toEqual([Op.PUB, long, Buffer.alloc(1)]);
  });

  test("the caller may change its bytes at once", async () => {
    const { bus, broker } = await openBus();
    const bytes = Buffer.of(1);
    bus.publish("t", bytes);
    bytes[0] = 9;
    const [frame] = await broker.came();
    expect(frame![2]).toEqual(Buffer.of(1));
  });

  test("what can't be published throws, and leaves what is around it whole", async () => {
    const { bus, broker } = await openBus();
    bus.publish("t", 1);
    expect(code(() => bus.publish("a b", 1))).toBe("bad_topic");
    expect(code(() => bus.publish("a.*", 1))).toBe("bad_topic");
    expect(code(() => bus.publish("$sys.x", 1))).toBe("not_allowed");
    expect(code(() => bus.publish("t", () => {}))).toBe("bad_payload");
    expect(code(() => bus.publish("t", { n: 2n ** 70n }))).toBe("bad_payload");
    expect(code(() => bus.publish("t", Buffer.alloc(GREETING.maxFrame)))).toBe("too_large");
    expect(code(() => bus.publish("t", "x".repeat(GREETING.maxFrame)))).toBe("too_large");
    bus.publish("t", 2);
    expect(await broker.came()).toEqual([
      [Op.PUB, "t", 1],
      [Op.PUB, "t", 2],
    ]);
    await expect(bus.publish("a b", 1, { confirm: true })).rejects.toMatchObject({ code: "bad_topic" });
  });

  test("a loop that awaits gets a promise when it runs ahead of the event loop, and nothing is lost", async () => {
    const { bus, broker } = await openBus();
    let waits = 0;
    for (let i = 0; i < 2000; i++) {
      const full = bus.publish("t", KIB);
      if (full === undefined) continue;
      waits++;
      await full;
    }
    expect(waits).toBeGreaterThan(1);
    expect(waits).toBeLessThan(20);
    expect((await broker.came()).filter(([op]) => op === Op.PUB)).toHaveLength(2000);
  });

  test("a loop that does not await is kept in order", async () => {
    const { bus, broker } = await openBus();
    for (let i = 0; i < 3000; i++) void bus.publish(i % 2 === 0 ? "a" : "b", Buffer.alloc(1024, i));
    await settle(20); // half a mebibyte a turn
    const came = (await broker.came()).filter(([op]) => op === Op.PUB);
    expect(came.map(([, topic, payload]) => [topic, (payload as Buffer)[5]])).toEqual(
      Array.from({ length: 3000 }, (_, i) => [i % 2 === 0 ? "a" : "b", i % 256]),
    );
  });
});

describe("a broker that does not take", () => {
  test("publish gives a promise, keeps the order, and throws beyond twice maxBuffered", async () => {
    const fake = await openBus({ maxBuffered: 1024 * 1024 });
    const { bus, broker } = fake;
    broker.capacity = 0;
    let sent = 0;
    let refused: unknown;
    let waiting: Promise<void> | undefined;
    try {
      for (; sent < 10_000; sent++) waiting = (bus.publish("t", Buffer.alloc(1024, sent)) as Promise<void>) ?? waiting;
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({ code: "limit" });
    expect(sent).toBeGreaterThan(2000);
    expect(sent).toBeLessThan(3200);
    let isResolved = false;
    void waiting!.then(() => {
      isResolved = true;
    });
    await settle();
    expect(isResolved).toBe(false);
    broker.take();
    await settle();
    expect(isResolved).toBe(true);
    const came = broker.frames().filter(([op]) => op === Op.PUB);
    expect(came.map(([, , payload]) => (payload as Buffer)[0])).toEqual(
      Array.from({ length: sent }, (_, i) => i % 256),
    );
    expect(fake.core.publisher.bufferedBytes).toBe(0);
  });

  test("a write that is under way is not disturbed by what follows", async () => {
    const { bus, broker } = await openBus();
    broker.capacity = 0;
    bus.publish("t", Buffer.alloc(100, 1));
    await settle();
    for (let i = 0; i < 300; i++) void bus.publish("t", Buffer.alloc(1024, 2));
    await settle();
    broker.take(0);
    await settle();
    for (let i = 0; i < 300; i++) void bus.publish("t", Buffer.alloc(1024, 3));
    await settle();
    broker.take();
    const came = (await broker.came()).filter(([op]) => op === Op.PUB).map(([, , payload]) => payload as Buffer);
    expect(came).toHaveLength(601);
    expect(came.every((payload, i) => payload.every((byte) => byte === (i === 0 ? 1 : i <= 300 ? 2 : 3)))).toBe(true);
  });
});

describe("XOFF and XON", () => {
  test("only the held topic waits, and goes on in order", async () => {
    const { bus, broker } = await openBus();
    const events: BusEvent[] = [];
    bus.on("blocked", (event) => events.push(event));
    bus.on("unblocked", (event) => events.push(event));
    broker.say(Op.XOFF, "a", "queue jobs");
    const held = bus.publish("a", 1);
    const held2 = bus.publish("a", 2);
    expect(held).toBeInstanceOf(Promise);
    expect(bus.publish("b", 3)).toBeUndefined();
    expect(await broker.came()).toEqual([[Op.PUB, "b", 3]]);
    expect(events).toEqual([{ type: "blocked", topic: "a", why: "queue jobs" }]);
    broker.say(Op.XON, "a");
    await held;
    await held2;
    expect(bus.publish("a", 4)).toBeUndefined();
    expect(await broker.came()).toEqual([
      [Op.PUB, "a", 1],
      [Op.PUB, "a", 2],
      [Op.PUB, "a", 4],
    ]);
    expect(events.at(-1)).toEqual({ type: "unblocked", topic: "a" });
  });

  test("what waits behind a broker that does not take is held when its turn comes", async () => {
    const { bus, broker } = await openBus();
    broker.capacity = 0;
    const sent: string[] = [];
    for (let i = 0; i < 800; i++) {
      sent.push(i % 2 === 0 ? "a" : "b");
      void bus.publish(sent.at(-1)!, Buffer.alloc(1024, i));
    }
    await settle();
    broker.say(Op.XOFF, "a");
    broker.take();
    await settle();
    const first = broker.frames().filter(([op]) => op === Op.PUB);
    expect(first.filter(([, topic]) => topic === "b")).toHaveLength(400);
    expect(first.filter(([, topic]) => topic === "a").length).toBeLessThan(400);
    void bus.publish("a", "last");
    broker.say(Op.XON, "a");
    const came = [...first, ...(await broker.came()).filter(([op]) => op === Op.PUB)];
    const a = came.filter(([, topic]) => topic === "a").map(([, , payload]) => payload);
    expect(a).toHaveLength(401);
    expect(a.slice(0, 400).map((payload) => (payload as Buffer)[0])).toEqual(
      Array.from({ length: 400 }, (_, i) => (2 * i) % 256),
    );
    expect(a.at(-1)).toBe("last");
  });

  test("a flush waits for what is held", async () => {
    const { bus, broker } = await openBus();
    broker.say(Op.XOFF, "a");
    void bus.publish("a", 1);
    let isFlushed = false;
    void bus.flush().then(() => {
      isFlushed = true;
    });
    void bus.publish("b", 2);
    expect(await broker.came()).toEqual([[Op.PUB, "b", 2]]);
    broker.say(Op.XON, "a");
    const frames = await broker.confirm();
    expect(frames[0]).toEqual([Op.PUB, "a", 1]);
    expect(frames[1]![0]).toBe(Op.SYNC);
    expect(isFlushed).toBe(true);
  });

  test("a flush waits for what was published before it, though what another topic kept goes in front of that", async () => {
    const { bus, broker } = await openBus();
    broker.sayAll([Op.XOFF, "a"], [Op.XOFF, "b"]);
    const large = Buffer.alloc(60_000);
    void bus.publish("a", large);
    let isFlushed = false;
    void bus.flush().then(() => {
      isFlushed = true;
    });
    for (let i = 0; i < 20; i++) void bus.publish("b", large);
    broker.capacity = 0;
    for (let i = 0; i < 10; i++) void bus.publish("c", large); // takes the room
    broker.sayAll([Op.XON, "a"], [Op.XON, "b"]);
    const topics: unknown[] = [];
    for (let i = 0; i < 10; i++) {
      broker.take(0);
      const frames = await broker.confirm();
      topics.push(...frames.filter(([op]) => op === Op.PUB).map(([, topic]) => topic));
      if (isFlushed) expect(topics).toContain("a");
    }
    expect(topics).toHaveLength(31);
    expect(isFlushed).toBe(true);
  });

  test("a second XOFF and an XON that changes nothing are ignored", async () => {
    const { bus, broker } = await openBus();
    broker.sayAll([Op.XON, "a"], [Op.XOFF, "a", "queue q"], [Op.XOFF, "a", "queue q"], [Op.XON, "a"]);
    expect(bus.publish("a", 1)).toBeUndefined();
    expect(await broker.came()).toEqual([[Op.PUB, "a", 1]]);
  });

  test("a broken connection frees held topics for the next one", async () => {
    const fake = await openBus();
    const { bus, broker } = fake;
    broker.say(Op.XOFF, "a");
    const held = bus.publish("a", 1);
    await reconnect(fake);
    await held;
    expect(await fake.broker.came()).toEqual([[Op.PUB, "a", 1]]);
  });
});

describe("confirm and flush", () => {
  test("SYNC stands behind a confirmed publish, and in front where others came before", async () => {
    const { bus, broker } = await openBus();
    const first = bus.publish("a", 1, { confirm: true });
    expect(await broker.confirm(3)).toEqual([
      [Op.PUB, "a", 1, ext1({ id: "id-0" })],
      [Op.SYNC, expect.any(Number)],
    ]);
    expect(await first).toBe(3);
    bus.publish("b", 2);
    const second = bus.publish("a", 3, { confirm: true, headers: { id: "mine", n: 1 } });
    const frames = await broker.came();
    expect(frames.map(([op]) => op)).toEqual([Op.PUB, Op.SYNC, Op.PUB, Op.SYNC]);
    expect(frames[2]![3]).toEqual(ext1({ id: "mine", n: 1 }));
    broker.sayAll([Op.OK, frames[1]![1]!, 9], [Op.OK, frames[3]![1]!, 0]);
    expect(await second).toBe(0);
  });

  test("a refused confirmed publish rejects, and no error event tells it", async () => {
    const { bus, broker } = await openBus();
    const errors: unknown[] = [];
    bus.on("error", (event) => errors.push(event));
    const refused = bus.publish("a", 1, { confirm: true });
    const [, sync] = await broker.came();
    broker.sayAll([Op.ERR, null, "not_allowed", "no", "a"], [Op.OK, sync![1]!, 0]);
    await expect(refused).rejects.toMatchObject({ code: "not_allowed", message: "no" });
    expect(errors).toEqual([]);
    const flushed = bus.flush();
    await broker.confirm();
    await flushed;
  });

  test("a refused publish is an error event, or rejects the next flush, once", async () => {
    const { bus, broker } = await openBus();
    bus.publish("a", 1);
    await broker.came();
    broker.say(Op.ERR, null, "limit", "too much", "a");
    broker.say(Op.ERR, null, "limit", "a later one", "a");
    const flushed = expect(bus.flush()).rejects.toMatchObject({ code: "limit", message: "too much" });
    await broker.confirm();
    await flushed;
    const again = bus.flush();
    await broker.confirm();
    await again;
    const heard: unknown[] = [];
    bus.on("error", ({ error, where, topic }) => heard.push([(error as PodbusError).code, where, topic]));
    broker.say(Op.ERR, null, "limit", "too much", "a");
    const third = bus.flush();
    await broker.confirm();
    await third;
    expect(heard).toEqual([["limit", "publish", "a"]]);
  });

  test("a confirmed publish is sent again after a broken connection, with the same id, in front", async () => {
    const fake = await openBus();
    const confirmed = fake.bus.publish("a", 1, { confirm: true });
    await fake.broker.came();
    fake.broker.hangUp();
    void fake.bus.publish("a", 2);
    await fake.env.pass(2000);
    await fake.broker.open();
    const frames = await fake.broker.confirm(1);
    expect(frames.map(([op, topic]) => (op === Op.PUB ? topic : op))).toEqual(["a", Op.SYNC, "a"]);
    expect(frames[0]).toEqual([Op.PUB, "a", 1, ext1({ id: "id-0" })]);
    expect(await confirmed).toBe(1);
    expect(fake.core.publisher.bufferedBytes).toBe(0);
  });

  test("SYNC is answered with an error: what it covers may not be kept", async () => {
    const { bus, broker } = await openBus();
    const confirmed = bus.publish("a", 1, { confirm: true });
    const [, sync] = await broker.came();
    broker.say(Op.ERR, sync![1]!, "unavailable", "the disk is full");
    await expect(confirmed).rejects.toMatchObject({ code: "unavailable" });
  });

  test("a SYNC is sent by itself after 4096 publishes", async () => {
    const { bus, broker } = await openBus();
    for (let i = 0; i < 10_000; i++) await bus.publish("a", i);
    const syncs = (await broker.came()).filter(([op]) => op === Op.SYNC);
    expect(syncs.length).toBeGreaterThanOrEqual(1);
    expect(syncs.length).toBeLessThanOrEqual(2);
  });
});

describe("while away", () => {
  test("publishes are kept, within the bound, and sent in order", async () => {
    const fake = await openBus({ maxBuffered: 10_000 });
    fake.broker.hangUp();
    await settle();
    const results = Array.from({ length: 15 }, (_, i) => fake.bus.publish("a", Buffer.alloc(1000, i)));
    expect(results.slice(0, 9)).toEqual(Array.from({ length: 9 }));
    expect(results[12]).toBeInstanceOf(Promise);
    expect(code(() => Array.from({ length: 9 }, () => void fake.bus.publish("a", Buffer.alloc(1000))))).toBe("limit");
    await fake.env.pass(2000);
    await fake.broker.open();
    await results[12];
    const came = await fake.broker.came();
    expect(came.slice(0, 15).map(([, , payload]) => (payload as Buffer)[0])).toEqual(
      Array.from({ length: 15 }, (_, i) => i),
    );
  });

  test("disconnect says how many publishes are in doubt; what was kept is none of them", async () => {
    const fake = await openBus();
    const events: BusEvent[] = [];
    fake.bus.on("disconnect", (event) => events.push(event));
    fake.bus.publish("a", 1);
    fake.bus.publish("a", 2);
    const flushed = fake.bus.flush();
    await fake.broker.confirm();
    await flushed;
    fake.bus.publish("a", 3);
    void fake.bus.publish("a", 4, { confirm: true });
    fake.broker.say(Op.XOFF, "b");
    void fake.bus.publish("b", 5);
    await settle();
    fake.broker.hangUp("it broke");
    await settle();
    expect(events).toMatchObject([
      { type: "disconnect", unconfirmed: 1, error: { code: "disconnected", message: "it broke" } },
    ]);
  });

  test("a flush fails where publishes are in doubt, and lives on where none are", async () => {
    const fake = await openBus();
    fake.bus.publish("a", 1);
    const doubtful = fake.bus.flush();
    await settle();
    fake.broker.hangUp();
    await expect(doubtful).rejects.toMatchObject({ code: "disconnected" });
    await expect(fake.bus.flush()).rejects.toMatchObject({
      code: "disconnected",
      message: expect.stringContaining("1 publishes"),
    });
    await expect(fake.bus.flush()).resolves.toBeUndefined();
    void fake.bus.publish("a", 2);
    const waiting = fake.bus.flush();
    await fake.env.pass(2000);
    await fake.broker.open();
    expect((await fake.broker.confirm()).map(([op]) => op)).toEqual([Op.PUB, Op.SYNC]);
    await waiting;
  });

  test("a frame that the next broker does not take is refused, and the rest goes on", async () => {
    const fake = await openBus();
    const errors: unknown[] = [];
    fake.bus.on("error", ({ error }) => errors.push((error as PodbusError).code));
    fake.broker.hangUp();
    await settle();
    void fake.bus.publish("a", Buffer.alloc(20_000));
    void fake.bus.publish("a", 2);
    await fake.env.pass(2000);
    await fake.broker.open({ ...GREETING, maxFrame: 4096 });
    expect(await fake.broker.came()).toEqual([[Op.PUB, "a", 2]]);
    expect(errors).toEqual(["too_large"]);
  });
});

test("after close, everything that waits rejects, and publish throws", async () => {
  const fake = await openBus();
  fake.broker.say(Op.XOFF, "a");
  const waiting = [fake.bus.publish("a", 1), fake.bus.publish("a", 1, { confirm: true }), fake.bus.flush()];
  const rejected = waiting.map((promise) => expect(promise).rejects.toMatchObject({ code: "closed" }));
  await fake.bus.close();
  await Promise.all(rejected);
  expect(code(() => fake.bus.publish("a", 1))).toBe("closed");
  expect(code(() => fake.bus.publish("b", 1))).toBe("closed");
  await expect(fake.bus.publish("a", 1, { confirm: true })).rejects.toMatchObject({ code: "closed" });
});

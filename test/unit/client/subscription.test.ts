import { inspect } from "node:util";
import { describe, expect, test } from "vitest";

import type { BusEvent, Message, Request } from "../../../client/index.ts";
import { type FakeBus, openBus, reconnect, settle } from "../../support/fake-env.ts";
import { ext1, type Elements, frame, valueIn } from "../../support/msgpack.ts";
import { Op } from "../../support/raw-client.ts";

/** The sid of the SUB that came last. */
async function sidOf({ broker }: FakeBus): Promise<number> {
  const sub = (await broker.came()).findLast(([op]) => op === Op.SUB);
  return sub![1] as number;
}

function listen({ bus }: FakeBus): BusEvent[] {
  const events: BusEvent[] = [];
  for (const name of ["gap", "error", "disconnect"] as const)
    bus.on(name, (event: BusEvent) => void events.push(event));
  return events;
}

function pubs(...payloads: (number | string)[]): Elements[] {
  return payloads.map((payload) => [Op.PUB, "t", payload]);
}

describe("what goes to the broker", () => {
  test("SUB and its options", async () => {
    const { bus, broker } = await openBus();
    bus.subscribe("a.*");
    bus.subscribe("b", {
      queue: "q",
      ack: true,
      concurrency: 20,
      overflow: "latest",
      signal: new AbortController().signal,
      autoWorking: false,
    });
    bus.subscribe("c", { concurrency: 5, retained: false }, () => {});
    bus.respond("d", () => 1, { concurrency: 2 });
    bus.subscribe("e", { queue: undefined, maxMessages: undefined, signal: undefined });
    bus.respond("f", () => 1, { concurrency: undefined, signal: undefined });
    const [a, b, c, d, e, f] = await broker.came();
    expect(a).toEqual([Op.SUB, 1, "a.*"]);
    expect(b!.slice(0, 3)).toEqual([Op.SUB, 2, "b"]);
    expect(valueIn(b![3])).toEqual({ queue: "q", ack: true, concurrency: 20, overflow: "latest", prefetch: 40 });
    expect(valueIn(c![3])).toEqual({ retained: false });
    expect(d).toEqual([Op.SUB, 4, "d", ext1({ respond: true })]);
    expect(e).toEqual([Op.SUB, 5, "e"]);
    expect(f).toEqual([Op.SUB, 6, "f", ext1({ respond: true })]);
  });

  test("ready is a SYNC behind the SUB", async () => {
    const { bus, broker } = await openBus();
    const { ready } = bus.subscribe("a");
    const [sub, sync] = await broker.came();
    expect([sub![0], sync![0]]).toEqual([Op.SUB, Op.SYNC]);
    let isReady = false;
    void ready.then(() => {
      isReady = true;
    });
    await settle();
    expect(isReady).toBe(false);
    broker.say(Op.OK, sync![1]!, 0);
    await ready;
  });

  test("UNSUB and a SYNC; what comes between is nobody's", async () => {
    const fake = await openBus();
    const seen: unknown[] = [];
    const sub = fake.bus.subscribe("t", ({ data }) => void seen.push(data));
    const sid = await sidOf(fake);
    fake.broker.sayAll([Op.FOR, sid], ...pubs(1));
    const ended = sub.unsubscribe();
    const [unsub, sync] = await fake.broker.came();
    expect([unsub, sync![0]]).toEqual([[Op.UNSUB, sid], Op.SYNC]);
    fake.broker.sayAll(...pubs(2), [Op.FOR, sid], ...pubs(3), [Op.OK, sync![1]!, 0], ...pubs(4), [Op.GAP, sid, 1]);
    await ended;
    expect(seen).toEqual([1]);
    expect(await sub.closed).toBeUndefined();
    await sub.unsubscribe();
    await sub.drain();
  });
});

describe("what a handler has done is told before the next one is called", () => {
  /** Says messages of the `attempt`-th attempt to a handler, and returns what the broker has had when each was handled. */
  async function told(
    attempt: number,
    handler: (fake: FakeBus, n: number) => unknown,
    count = 3,
  ): Promise<(string | undefined)[]> {
    const fake = await openBus();
    const seen: (string | undefined)[] = [];
    fake.bus.subscribe("t", { queue: "q", ack: true }, ({ data }) => {
      const acks = fake.broker.frames().filter(([op]) => op === Op.ACK);
      seen.push(acks.length === 0 ? undefined : acks.map((ack) => ack.slice(2).join(" ")).join(", "));
      return handler(fake, data as number);
    });
    const sid = await sidOf(fake);
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    fake.broker.sayAll([Op.FOR, sid, 1, attempt], ...pubs(...numbers));
    await settle();
    return seen;
  }

  test("at the end of the turn, where it is quick", async () => {
    expect(await told(1, () => {})).toEqual([undefined, undefined, undefined]);
  });

  test("at once where it took long, blocked, or had failed before", async () => {
    const blocks = ({ env }: FakeBus): void => void (env.now += 5);
    expect(await told(1, blocks)).toEqual([undefined, "1 1 0", "2 2 0"]);
    const takesLong = async ({ env }: FakeBus): Promise<void> => {
      await Promise.resolve();
      env.now += 5;
    };
    expect(await told(1, takesLong)).toEqual([undefined, "1 1 0", "2 2 0"]);
    expect(await told(2, () => {})).toEqual([undefined, "1 1 0", "2 2 0"]);
  });

  test("a failure as well", async () => {
    const fails = (_fake: FakeBus, n: number): void => {
      if (n === 1) throw new Error("can't");
    };
    expect(await told(1, fails)).toEqual([undefined, "1 1 1", undefined]);
  });
});

describe("handlers", () => {
  test.each([1, 2])(
    "%i at once: what can't be asked whether it is a promise is a failure as one that throws is",
    async (concurrency) => {
      const fake = await openBus();
      const events = listen(fake);
      const get = (): never => {
        throw new Error("strange");
      };
      const strange = new Proxy({}, { get });
      const seen: unknown[] = [];
      fake.bus.subscribe("t", { concurrency }, ({ data }) => {
        seen.push(data);
        return strange;
      });
      const sid = await sidOf(fake);
      fake.broker.sayAll([Op.FOR, sid], ...pubs(1, 2));
      await settle();
      expect(seen).toEqual([1, 2]);
      expect(events).toMatchObject([
        { type: "error", where: "handler", error: { message: "strange" } },
        { type: "error", where: "handler", error: { message: "strange" } },
      ]);
    },
  );

  test("one at a time: a promise is awaited, and what comes meanwhile waits, in order", async () => {
    const fake = await openBus();
    const log: string[] = [];
    const ends: (() => void)[] = [];
    fake.bus.subscribe("t", ({ data }) => {
      log.push(`begin ${data}`);
      if (data === "sync") return undefined;
      return new Promise<void>((resolve) => ends.push(resolve)).then(() => log.push(`end ${data}`));
    });
    const sid = await sidOf(fake);
    fake.broker.sayAll([Op.FOR, sid], ...pubs("sync", 1, "sync", 2));
    expect(log).toEqual(["begin sync", "begin 1"]);
    ends.shift()!();
    await settle();
    expect(log).toEqual(["begin sync", "begin 1", "end 1", "begin sync", "begin 2"]);
    fake.broker.sayAll(...pubs(3));
    ends.shift()!();
    await settle();
    expect(log.slice(5)).toEqual(["end 2", "begin 3"]);
  });

  test("several at once begin as they come, from the first message on, up to their limit", async () => {
    const fake = await openBus();
    const log: string[] = [];
    const ends: (() => void)[] = [];
    fake.bus.subscribe("t", { concurrency: 2 }, ({ data }) => {
      log.push(`begin ${data}`);
      return new Promise<void>((resolve) => ends.push(resolve)).then(() => log.push(`end ${data}`));
    });
    // In the turn of the SUB, whose sid is the first one: nothing that the subscription loads can be there yet.
    fake.broker.sayAll([Op.FOR, 1], ...pubs(1, 2, 3, 4));
    expect(log).toEqual(["begin 1", "begin 2"]);
    ends[0]!();
    await expect.poll(() => log).toEqual(["begin 1", "begin 2", "end 1", "begin 3"]);
    ends[1]!();
    ends[2]!();
    await expect.poll(() => log.slice(4)).toEqual(["end 2", "end 3", "begin 4"]);
  });

  test("a thenable that is no promise is awaited too", async () => {
    const fake = await openBus();
    const waiting: (() => void)[] = [];
    class Thenable {
      // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
      then(resolve: () => void): void {
        waiting.push(resolve);
      }
    }
    const seen: unknown[] = [];
    fake.bus.subscribe("t", ({ data }) => {
      seen.push(data);
      return new Thenable();
    });
    fake.broker.sayAll([Op.FOR, await sidOf(fake)], ...pubs(1, 2));
    await settle();
    expect(seen).toEqual([1]);
    waiting[0]!();
    await settle();
    expect(seen).toEqual([1, 2]);
  });

  test("with no error listener, a failure is a warning", async () => {
    const fake = await openBus();
    fake.bus.subscribe("t", () => {
      throw new Error("oh no");
    });
    fake.broker.sayAll([Op.FOR, await sidOf(fake)], ...pubs(1));
    expect(fake.env.warnings).toEqual([expect.stringMatching(/handler of t: Error: oh no/)]);
  });

  test("what is thrown may have no text: it is told, and the next message comes", async () => {
    const fake = await openBus();
    const seen: unknown[] = [];
    fake.bus.subscribe("t", async ({ data }) => {
      seen.push(data);
      await Promise.reject(Object.create(null));
    });
    fake.broker.sayAll([Op.FOR, await sidOf(fake)], ...pubs(1, 2));
    await settle();
    expect(seen).toEqual([1, 2]);
    expect(fake.env.warnings).toEqual([expect.stringMatching(/handler of t: it threw what has no text/)]);
  });

  test("closing in a handler ends the connection at that message", async () => {
    const fake = await openBus();
    const seen: unknown[] = [];
    let closed: Promise<void> | undefined;
    fake.bus.subscribe("t", ({ data }) => {
      seen.push(data);
      closed = fake.bus.close();
    });
    fake.broker.sayAll([Op.FOR, await sidOf(fake)], ...pubs(1, 2, 3));
    await closed;
    expect(seen).toEqual([1]);
  });
});

describe("held while handlers fall behind", () => {
  test("XOFF beyond 1 MiB, again as long as a handler is at work, XON at half", async () => {
    const fake = await openBus();
    const { env } = fake;
    const ends: (() => void)[] = [];
    fake.bus.subscribe("t", () => new Promise<void>((resolve) => ends.push(resolve)));
    const sid = await sidOf(fake);
    fake.broker.say(Op.FOR, sid);
    const payload = Buffer.alloc(60_000);
    for (let i = 0; i < 17; i++) fake.broker.say(Op.PUB, "t", payload);
    expect(await fake.broker.came()).toEqual([]);
    fake.broker.say(Op.PUB, "t", payload);
    fake.broker.say(Op.PUB, "t", payload);
    expect(await fake.broker.came()).toEqual([[Op.XOFF, sid]]);
    await env.pass(999);
    fake.broker.say(Op.PONG);
    expect((await fake.broker.came()).filter(([op]) => op === Op.XOFF)).toEqual([]);
    await env.pass(2); // a quarter of stallMs
    fake.broker.say(Op.PONG);
    expect((await fake.broker.came()).filter(([op]) => op === Op.XOFF)).toEqual([[Op.XOFF, sid]]);
    for (let i = 0; i < 10; i++) {
      ends.shift()!();
      await settle();
    }
    expect((await fake.broker.came()).filter(([op]) => op === Op.XON)).toEqual([]);
    ends.shift()!();
    expect(await fake.broker.came()).toEqual([[Op.XON, sid]]);
    await env.pass(1500);
    expect((await fake.broker.came()).filter(([op]) => op === Op.XOFF)).toEqual([]);
  });

  test("a subscription that nobody reads is held, and that is not repeated", async () => {
    const fake = await openBus();
    fake.bus.subscribe("t");
    const sid = await sidOf(fake);
    fake.broker.say(Op.FOR, sid);
    for (let i = 0; i < 20; i++) fake.broker.say(Op.PUB, "t", Buffer.alloc(60_000));
    expect(await fake.broker.came()).toEqual([[Op.XOFF, sid]]);
    for (let i = 0; i < 10; i++) {
      await fake.env.pass(500);
      fake.broker.say(Op.PONG);
    }
    expect((await fake.broker.came()).filter(([op]) => op === Op.XOFF)).toEqual([]);
  });

  test("after a reconnect it is held still", async () => {
    const fake = await openBus();
    fake.bus.subscribe("t");
    fake.broker.say(Op.FOR, await sidOf(fake));
    for (let i = 0; i < 20; i++) fake.broker.say(Op.PUB, "t", Buffer.alloc(60_000));
    await reconnect(fake);
    expect((await fake.broker.came()).map(([op]) => op)).toEqual([Op.SUB, Op.XOFF]);
  });
});

describe("loops", () => {
  test("messages that wait, then those that come; an end from outside is the loop's end", async () => {
    const fake = await openBus();
    const sub = fake.bus.subscribe("t");
    fake.broker.sayAll([Op.FOR, await sidOf(fake)], ...pubs(1, 2));
    const seen: unknown[] = [];
    const loop = (async () => {
      for await (const { data } of sub) seen.push(data);
    })();
    await settle();
    fake.broker.sayAll(...pubs(3));
    await settle();
    expect(seen).toEqual([1, 2, 3]);
    void sub.unsubscribe();
    await loop;
  });

  test("asked for several at once, each gets its own", async () => {
    const fake = await openBus();
    const iterator = fake.bus.subscribe("t")[Symbol.asyncIterator]();
    const three = Promise.all([iterator.next(), iterator.next(), iterator.next()]);
    fake.broker.sayAll([Op.FOR, await sidOf(fake)], ...pubs(1, 2, 3));
    expect((await three).map(({ value }) => (value as Message).data)).toEqual([1, 2, 3]);
    void iterator.return!();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });
});

describe("gaps", () => {
  test("are told in their place: behind what came before", async () => {
    const fake = await openBus();
    const events = listen(fake);
    const log: unknown[] = [];
    fake.bus.on("gap", ({ lost }) => log.push(`lost ${lost}`));
    let go = (): void => {};
    const sub = fake.bus.subscribe("t", async ({ data }) => {
      log.push(data);
      if (data === 1) await new Promise<void>((resolve) => (go = resolve));
    });
    const sid = await sidOf(fake);
    fake.broker.sayAll([Op.FOR, sid], ...pubs(1, 2), [Op.GAP, sid, 5], ...pubs(3));
    expect(events).toEqual([]);
    go();
    await settle();
    expect(log).toEqual([1, 2, "lost 5", 3]);
    expect(events).toEqual([{ type: "gap", subscription: sub, lost: 5, why: "dropped" }]);
  });

  test("a plain subscription that was away has one of unknown size; a queue's member and a responder have none", async () => {
    const fake = await openBus();
    const events = listen(fake);
    const plain = fake.bus.subscribe("t");
    fake.bus.subscribe("t", { queue: "q" }, () => {});
    fake.bus.respond("t", () => 1);
    await settle();
    fake.broker.hangUp();
    expect(events.filter(({ type }) => type === "gap")).toEqual([
      { type: "gap", subscription: plain, lost: undefined, why: "disconnected" },
    ]);
  });
});

describe("acknowledgements", () => {
  const options = { queue: "q", ack: true } as const;

  test("those of one turn are ranges", async () => {
    const fake = await openBus();
    const held: Message[] = [];
    fake.bus.subscribe("t", options, (message) => {
      if (Number(message.data) % 5 === 0) {
        held.push(message);
        return new Promise(() => {});
      }
      return undefined;
    });
    const sid = await sidOf(fake);
    fake.broker.sayAll([Op.FOR, sid, 1], ...pubs(1, 2, 3, 4));
    expect(await fake.broker.came()).toEqual([[Op.ACK, sid, 1, 4, 0]]);
  });

  test("out of order they are joined; other verdicts stand alone", async () => {
    const fake = await openBus();
    const messages: Message[] = [];
    const sub = fake.bus.subscribe("t", options);
    const sid = await sidOf(fake);
    fake.broker.sayAll([Op.FOR, sid, 10], ...pubs(0, 1, 2, 3, 4, 5, 6, 7));
    void (async () => {
      for await (const message of sub) messages.push(message);
    })();
    await settle();
    for (const i of [3, 1, 2, 0, 6]) messages[i]!.ack();
    messages[4]!.retry(500);
    messages[5]!.reject();
    messages[7]!.working();
    messages[4]!.ack(); // the first verdict counts
    const frames = await fake.broker.came();
    expect(frames).toHaveLength(5);
    expect(frames).toContainEqual([Op.ACK, sid, 10, 13, 0]);
    expect(frames).toContainEqual([Op.ACK, sid, 16, 16, 0]);
    expect(frames).toContainEqual([Op.ACK, sid, 14, 14, 1, 500]);
    expect(frames).toContainEqual([Op.ACK, sid, 15, 15, 2]);
    expect(frames).toContainEqual([Op.ACK, sid, 17, 17, 3]);
  });

  test("a redelivery has its attempt, and the number of its FOR", async () => {
    const fake = await openBus();
    const seen: unknown[] = [];
    fake.bus.subscribe("t", options, ({ data, attempt }) => {
      seen.push([data, attempt]);
      if (data === "bad") throw new Error("no");
    });
    fake.bus.on("error", () => {});
    const sid = await sidOf(fake);
    fake.broker.sayAll(
      [Op.FOR, sid, 1],
      ...pubs("a", "bad"),
      [Op.FOR, sid, 3, 2],
      ...pubs("bad"),
      [Op.FOR, sid, 4],
      ...pubs("b"),
    );
    expect(seen).toEqual([
      ["a", 1],
      ["bad", 1],
      ["bad", 2],
      ["b", 1],
    ]);
    const frames = await fake.broker.came();
    expect(frames.filter(([, , , , verdict]) => verdict === 1)).toEqual([
      [Op.ACK, sid, 2, 2, 1],
      [Op.ACK, sid, 3, 3, 1],
    ]);
    expect(frames.filter(([, , , , verdict]) => verdict === 0)).toEqual([
      [Op.ACK, sid, 1, 1, 0],
      [Op.ACK, sid, 4, 4, 0],
    ]);
  });

  test("ending gives back what was not begun, as one range, and what still comes", async () => {
    const fake = await openBus();
    const ends: (() => void)[] = [];
    const sub = fake.bus.subscribe("t", options, () => new Promise<void>((resolve) => ends.push(resolve)));
    const sid = await sidOf(fake);
    fake.broker.sayAll([Op.FOR, sid, 1], ...pubs(1, 2, 3, 4));
    const drained = sub.drain();
    const [unsub, sync, rest] = await fake.broker.came();
    expect(unsub).toEqual([Op.UNSUB, sid]);
    expect(rest).toEqual([Op.ACK, sid, 2, 4, 1]);
    fake.broker.sayAll(...pubs(5), [Op.OK, sync![1]!, 0]);
    expect(await fake.broker.came()).toEqual([[Op.ACK, sid, 5, 5, 1]]);
    ends[0]!();
    await drained;
    expect(await fake.broker.came()).toEqual([[Op.ACK, sid, 1, 1, 0]]);
  });

  test("after a reconnect old numbers are not heard of again, and what waited is dropped for its redelivery", async () => {
    const fake = await openBus();
    const seen: unknown[] = [];
    const ends: (() => void)[] = [];
    fake.bus.subscribe("t", options, ({ data }) => {
      seen.push(data);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
    fake.broker.sayAll([Op.FOR, await sidOf(fake), 1], ...pubs(1, 2));
    await reconnect(fake);
    const sid = await sidOf(fake);
    ends[0]!();
    await settle();
    expect(await fake.broker.came()).toEqual([]);
    fake.broker.sayAll([Op.FOR, sid, 1, 2], ...pubs(1));
    ends[1]!();
    expect(await fake.broker.came()).toEqual([[Op.ACK, sid, 1, 1, 0]]);
    expect(seen).toEqual([1, 1]);
  });

  test("one that ends, and whose handler is at work yet, does not subscribe with the next connection", async () => {
    for (const isConnected of [true, false]) {
      const fake = await openBus();
      let end = (): void => {};
      const sub = fake.bus.subscribe("t", options, () => new Promise<void>((resolve) => (end = resolve)));
      fake.broker.sayAll([Op.FOR, await sidOf(fake), 1], ...pubs(1));
      let drained = isConnected ? sub.drain() : undefined;
      fake.env.broker.hangUp();
      drained ??= sub.drain();
      await reconnect(fake);
      end();
      await drained;
      expect((await fake.broker.came()).filter(([op]) => op !== Op.SYNC)).toEqual([]);
    }
  });

  test("a slow handler keeps its message with working, unless told not to", async () => {
    for (const autoWorking of [true, false]) {
      const fake = await openBus();
      let end = (): void => {};
      fake.bus.subscribe(
        "t",
        { ...options, ackTimeoutMs: 900, autoWorking },
        () => new Promise<void>((resolve) => (end = resolve)),
      );
      const sid = await sidOf(fake);
      fake.broker.sayAll([Op.FOR, sid, 1], ...pubs(1));
      await fake.env.pass(700);
      const working = [Op.ACK, sid, 1, 1, 3];
      expect(await fake.broker.came()).toEqual(autoWorking ? [working, working] : []);
      end();
      await settle();
      await fake.env.pass(700);
      expect((await fake.broker.came()).filter(([op]) => op === Op.ACK)).toEqual([[Op.ACK, sid, 1, 1, 0]]);
    }
  });
});

test("a handler that publishes what it empties itself goes on; another publisher of the topic waits", async () => {
  const fake = await openBus();
  const { bus, broker } = fake;
  const results: unknown[] = [];
  bus.subscribe("job", { queue: "jobs" }, async ({ data }) => {
    const now = bus.publish("job", `${data} at once`);
    await new Promise((resolve) => setImmediate(resolve));
    const later = bus.publish("job", `${data} later`);
    results.push(now, later);
  });
  const sid = await sidOf(fake);
  broker.say(Op.XOFF, "job", "queue jobs");
  const outside = bus.publish("job", "outside");
  expect(outside).toBeInstanceOf(Promise);
  await settle(); // tracking is loaded
  broker.sayAll([Op.FOR, sid], ...pubs("a"));
  const frames = await broker.came();
  expect(results).toEqual([undefined, undefined]);
  expect(frames).toEqual([
    [Op.PUB, "job", "a at once"],
    [Op.PUB, "job", "a later"],
  ]);
  broker.say(Op.XON, "job");
  await outside;
  expect(await broker.came()).toEqual([[Op.PUB, "job", "outside"]]);
});

test("a handler that began before that could be known does not wait for itself for ever", async () => {
  const fake = await openBus();
  const { bus, broker, env } = fake;
  let go = (): void => {};
  let done = false;
  bus.subscribe("job", async () => {
    await new Promise<void>((resolve) => (go = resolve));
    await bus.publish("job", "mine");
    done = true;
  });
  const sid = await sidOf(fake);
  broker.sayAll([Op.FOR, sid], [Op.PUB, "job", 1], [Op.XOFF, "job", "client 7"]);
  await settle();
  go();
  expect(await broker.came()).toEqual([]);
  await env.pass(250);
  expect(await broker.came()).toEqual([[Op.PUB, "job", "mine"]]);
  expect(done).toBe(true);
});

test("after close no timer is left, whatever was under way", async () => {
  const fake = await openBus();
  const { bus, broker, env } = fake;
  bus.on("error", () => {});
  bus.subscribe("a", { queue: "q", ack: true }, () => new Promise(() => {}));
  bus.subscribe("b", () => new Promise(() => {}));
  const [[, a], [, b]] = (await broker.came()) as [[number, number], [number, number]];
  broker.sayAll([Op.FOR, a, 1], [Op.PUB, "a", 1], [Op.FOR, b]);
  for (let i = 0; i < 20; i++) broker.say(Op.PUB, "b", Buffer.alloc(60_000));
  broker.say(Op.XOFF, "b", "client 7");
  await settle();
  const waiting = [bus.publish("b", 1) as Promise<void>, bus.request("r", 1), bus.flush(), bus.waitFor("w")];
  const closed = waiting.map((promise) => expect(promise).rejects.toMatchObject({ code: "closed" }));
  await settle();
  expect(env.timers).toBeGreaterThanOrEqual(4);
  await bus.close();
  await Promise.all(closed);
  expect(env.timers).toBe(0);
});

describe("transient", () => {
  /** Messages of bytes, so many bytes long that a few fill a chunk of the client. */
  const bytesOf = (n: number): Buffer => Buffer.alloc(20_000, n);
  /** They come in reads of 7,000 bytes. */
  function say({ broker }: FakeBus, sid: number, ...numbers: number[]): void {
    const frames = [[Op.FOR, sid], ...numbers.map((n): Elements => [Op.PUB, "t", bytesOf(n)])] as Elements[];
    const all = Buffer.concat(frames.map((elements) => frame(...elements)));
    for (let at = 0; at < all.length; at += 7000) broker.sayBytes(all.subarray(at, at + 7000));
  }
  const isWhole = ({ chunk, start, end }: Message, n: number): boolean => chunk.subarray(start, end).equals(bytesOf(n));

  test("its handler sees each message where it is, in memory that is used again and again", async () => {
    const fake = await openBus();
    const chunks = new Set<Buffer>();
    const seen: number[] = [];
    fake.bus.subscribe("t", { transient: true }, (message) => {
      chunks.add(message.chunk);
      seen.push(isWhole(message, message.chunk[message.start]!) ? message.chunk[message.start]! : -1);
    });
    const sid = await sidOf(fake);
    for (let n = 0; n < 200; n++) say(fake, sid, n);
    expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect(chunks.size).toBeLessThanOrEqual(2); // of 4,000,000 bytes: one is begun, and grows once
  });

  test("without it, what is held stays as it was, and so it does beside a transient one", async () => {
    const fake = await openBus();
    const held: Message[] = [];
    const seen: boolean[] = [];
    fake.bus.subscribe("t", (message) => void held.push(message));
    const ordinary = await sidOf(fake);
    fake.bus.subscribe("t", { transient: true }, (message) => void seen.push(isWhole(message, 7)));
    const transient = await sidOf(fake);
    for (let n = 0; n < 50; n++) {
      say(fake, ordinary, n);
      say(fake, transient, 7, 7);
    }
    expect(held.every((message, n) => isWhole(message, n))).toBe(true);
    expect(new Set(held).size).toBe(50);
    expect(seen).toEqual(Array.from({ length: 100 }, () => true));
  });

  test("a message stays until what its handler returned has settled, and while it waits for that", async () => {
    const fake = await openBus();
    const seen: [boolean, boolean][] = [];
    let n = 0;
    fake.bus.subscribe("t", { transient: true }, async (message) => {
      const number = n++;
      const before = isWhole(message, number);
      await settle();
      seen.push([before, isWhole(message, number)]);
    });
    const sid = await sidOf(fake);
    for (let at = 0; at < 30; at += 3) say(fake, sid, at, at + 1, at + 2);
    await settle(30 * 8);
    expect(seen).toEqual(Array.from({ length: 30 }, () => [true, true]));
  });

  test.each([1, 3])("handlers at once: %i, some of them quick", async (concurrency) => {
    const fake = await openBus();
    const right: number[] = [];
    let n = 0;
    fake.bus.subscribe("t", { transient: true, concurrency }, (message) => {
      const number = n++;
      if (!isWhole(message, number)) return undefined;
      if (number % 2 === 0) return right.push(number);
      return settle().then(() => isWhole(message, number) && right.push(number));
    });
    const sid = await sidOf(fake);
    for (let at = 0; at < 60; at++) say(fake, sid, at);
    await settle(60 * 8);
    expect(right.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, number) => number));
  });

  test("one that waits for another of its key stays", async () => {
    const fake = await openBus();
    const right: number[] = [];
    let n = 0;
    fake.bus.subscribe("t", { queue: "q", partitionBy: 1, transient: true, concurrency: 3 }, async (message) => {
      const number = n++;
      await settle();
      if (isWhole(message, number)) right.push(number);
    });
    const sid = await sidOf(fake);
    for (let at = 0; at < 12; at++) say(fake, sid, at);
    await settle(12 * 8);
    expect(right).toEqual(Array.from({ length: 12 }, (_, number) => number));
  });

  test("of two in one read each has its own, and no headers of the one before", async () => {
    const fake = await openBus();
    const seen: unknown[] = [];
    const see = ({ topic, data, headers }: Message): void => void seen.push([topic, data, headers]);
    fake.bus.subscribe("a", { transient: true }, see);
    const a = await sidOf(fake);
    fake.bus.subscribe("b", { transient: true }, see);
    const b = await sidOf(fake);
    fake.broker.sayAll(
      [Op.FOR, a],
      [Op.PUB, "a", 1, ext1({ h: 1 })],
      [Op.PUB, "a", 2],
      [Op.FOR, b],
      [Op.PUB, "b", 3],
      [Op.FOR, a],
      [Op.PUB, "a", 4, ext1({ h: 2 })],
    );
    expect(seen).toEqual([
      ["a", 1, { h: 1 }],
      ["a", 2, {}],
      ["b", 3, {}],
      ["a", 4, { h: 2 }],
    ]);
  });

  test("requests and replies beside it stay as they were", async () => {
    const fake = await openBus();
    fake.bus.subscribe("t", { transient: true }, () => {});
    const sid = await sidOf(fake);
    const requests: Request[] = [];
    fake.bus.respond("r", (request) => {
      requests.push(request);
      return new Promise(() => {});
    });
    const responder = await sidOf(fake);
    const replies: Promise<unknown>[] = [];
    for (let n = 1; n <= 20; n++) {
      fake.broker.sayAll([Op.FOR, responder], [Op.REQ, n, "r", bytesOf(n)]);
      for (let i = 0; i < 4; i++) say(fake, sid, 99, 99, 99);
      replies.push(fake.bus.request("c"));
      const [, id] = (await fake.broker.came()).find(([op]) => op === Op.REQ)!;
      fake.broker.say(Op.REPLY, id!, 0, bytesOf(n));
      for (let i = 0; i < 4; i++) say(fake, sid, 99, 99, 99);
    }
    expect(requests.map(({ bytes }, i) => bytes.equals(bytesOf(i + 1)))).toEqual(requests.map(() => true));
    const replied = (await Promise.all(replies)) as Buffer[];
    expect(replied.map((bytes, i) => bytes.equals(bytesOf(i + 1)))).toEqual(requests.map(() => true));
    expect(requests).toHaveLength(20);
  });

  test("reading one that is over throws, and says what to do", async () => {
    const fake = await openBus();
    let kept: Message | undefined;
    fake.bus.subscribe("t.*", { transient: true }, (message) => {
      kept = message;
    });
    const sid = await sidOf(fake);
    fake.broker.sayAll([Op.FOR, sid], [Op.PUB, "t.a", "x", ext1({ h: 1 })]);
    for (const name of ["topic", "data", "bytes", "start", "headers"] as const) {
      expect(() => kept![name]).toThrow(
        expect.objectContaining({ code: "bad_option", message: expect.stringContaining("copy what is kept") }),
      );
    }
    expect(inspect(kept)).toBe("{ topic: undefined, gone: true }");
    expect(kept!.attempt).toBe(1);
  });

  test("of what was decoded only bytes are views", async () => {
    const fake = await openBus();
    const kept: unknown[] = [];
    const copied: Buffer[] = [];
    fake.bus.subscribe("t", { transient: true }, ({ data, headers }) => {
      kept.push({ data, headers });
      copied.push(Buffer.from((data as { bytes: Buffer }).bytes), Buffer.from(headers["h"] as Buffer));
    });
    const sid = await sidOf(fake);
    const send = (byte: number, text: string): void => {
      const bytes = Buffer.alloc(5000, byte);
      fake.broker.sayAll([Op.FOR, sid], [Op.PUB, "t", ext1({ text, bytes, list: [byte] }), ext1({ h: bytes })]);
    };
    for (let n = 0; n < 20; n++) send(n, `text ${n} that is longer than what is kept in a table`);
    const { data, headers } = kept[2] as { data: Record<string, unknown>; headers: Record<string, unknown> };
    expect(data).toMatchObject({ text: "text 2 that is longer than what is kept in a table", list: [2] });
    const isAsSent = (bytes: unknown): boolean => (bytes as Buffer).equals(Buffer.alloc(5000, 2));
    expect([data["bytes"], headers["h"]].map(isAsSent)).toEqual([false, false]); // as docs/client.md says
    expect(copied.slice(4, 6).map(isAsSent)).toEqual([true, true]);
  });

  test("one whose handler throws is there for those who listen to errors", async () => {
    const fake = await openBus();
    const failed: unknown[] = [];
    fake.bus.on("error", ({ message }) => void failed.push(message!.data));
    fake.bus.subscribe("t", { transient: true }, () => {
      throw new Error("can't");
    });
    const sid = await sidOf(fake);
    fake.broker.sayAll([Op.FOR, sid], ...pubs("a", "b"));
    expect(failed).toEqual(["a", "b"]);
  });

  test("each is acknowledged", async () => {
    const fake = await openBus();
    const seen: unknown[] = [];
    fake.bus.subscribe("t", { queue: "q", ack: true, transient: true }, (message) => {
      seen.push(message.data);
      if (message.data === "b") message.reject();
    });
    const sid = await sidOf(fake);
    fake.broker.sayAll([Op.FOR, sid, 5], ...pubs("a", "b", "c"));
    const acks = (await fake.broker.came()).filter(([op]) => op === Op.ACK);
    expect(seen).toEqual(["a", "b", "c"]);
    expect(acks).toEqual([
      [Op.ACK, sid, 6, 6, 2], // what was said goes out before what follows from success
      [Op.ACK, sid, 5, 5, 0],
      [Op.ACK, sid, 7, 7, 0],
    ]);
  });

  test("a verdict that comes too late is none on the message behind it", async () => {
    const fake = await openBus();
    const kept: Message[] = [];
    let finish = (): void => {};
    fake.bus.subscribe("t", { queue: "q", ack: true, transient: true }, (message) => {
      if (kept.push(message) < 2) return undefined;
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    const sid = await sidOf(fake);
    fake.broker.sayAll([Op.FOR, sid, 5], ...pubs("a", "b"));
    kept[0]!.reject();
    const first = (await fake.broker.came()).filter(([op]) => op === Op.ACK);
    finish();
    const second = (await fake.broker.came()).filter(([op]) => op === Op.ACK);
    expect([first, second]).toEqual([[[Op.ACK, sid, 5, 5, 0]], [[Op.ACK, sid, 6, 6, 0]]]);
    expect(() => kept[0]!.data).toThrow("copy what is kept");
  });

  test("a loop can't be", async () => {
    const { bus } = await openBus();
    expect(() => bus.subscribe("t", { transient: true })).toThrow(
      expect.objectContaining({ code: "bad_option", message: expect.stringContaining("needs a handler") }),
    );
  });
});

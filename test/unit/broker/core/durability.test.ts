// Durable queues over a simulated disk: writes fail, are lost or cut off by the broker's end at any moment, and yet what was
// confirmed is there, once, and what was confirmed as settled is not.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { check } from "../../../../broker/core/sys/check.ts";
import { type Element, ext1, frame } from "../../../support/msgpack.ts";
import { Op } from "../../../support/raw-client.ts";
import { type SimulatedClient, World } from "../../../support/simulated.ts";
import { SimulatedStore } from "../../../support/simulated-store.ts";

type Step =
  | { do: "publish"; count: number; delayMs: number }
  | { do: "settle"; at: number; count: number; verdict: number }
  | { do: "sync" | "complete" | "resend" | "die" }
  | { do: "fail" | "crash"; isThere: boolean }
  | { do: "pass"; ms: number };

/** What a client knows of a message: what it did, and what of that was confirmed. */
interface Known {
  isConfirmed: boolean;
  verdict: "done" | "rejected" | undefined;
  isVerdictConfirmed: boolean;
  /** Failed attempts that were told and confirmed, and all that there may have been. */
  failed: number;
  mayHaveFailed: number;
  /** Whether it was settled when its time may have been up already, which the member can't know: then that may have been in vain. */
  isUnsure: boolean;
}

const MAX_ATTEMPTS = 3;
const ACK_TIMEOUT_MS = 500;

class Run {
  store = new SimulatedStore();
  world: World = new World({}, this.store);
  client!: SimulatedClient;
  readonly known: Known[] = [];
  /** What the member holds: n by seq; and since when. */
  readonly held = new Map<number, number>();
  readonly #heldSinceMs = new Map<number, number>();
  /** What the SYNCs under way cover. */
  #syncs = new Map<number, (() => void)[]>();
  #sinceSync: (() => void)[] = [];
  #id = 1000;
  #sid = 1;
  #seq = 0;

  constructor() {
    this.#boot();
  }

  #boot(): void {
    this.client = this.world.connect();
    this.held.clear();
    this.#syncs = new Map();
    this.#sinceSync = [];
    this.#sid++;
    this.client.send(Op.SUB, 1, "d", ext1({ queue: "dead", ack: true, durable: true, prefetch: 1 }));
    this.client.send(Op.UNSUB, 1);
    this.join(this.client, 6);
  }

  join(client: SimulatedClient, prefetch: number): void {
    const options = {
      ack: true,
      durable: true,
      deadLetter: "d",
      maxAttempts: MAX_ATTEMPTS,
      ackTimeoutMs: ACK_TIMEOUT_MS,
    };
    client.send(Op.SUB, this.#sid, "t", ext1({ queue: "q", prefetch, ...options }));
    this.world.run();
    this.observe();
  }

  step(step: Step): void {
    switch (step.do) {
      case "publish":
        for (let i = 0; i < step.count; i++) {
          this.known.push({
            isConfirmed: false,
            verdict: undefined,
            isVerdictConfirmed: false,
            failed: 0,
            mayHaveFailed: 0,
            isUnsure: false,
          });
          this.#publish(this.known.length - 1, step.delayMs);
        }
        break;
      case "resend":
        for (const [n, { isConfirmed }] of this.known.entries()) if (!isConfirmed) this.#publish(n, 0);
        break;
      case "settle":
        this.#settle(step.at, step.count, step.verdict);
        break;
      case "sync": {
        const id = this.#id++;
        this.#syncs.set(id, this.#sinceSync);
        this.#sinceSync = [];
        this.client.send(Op.SYNC, id);
        break;
      }
      case "complete":
        this.store.complete();
        break;
      case "fail":
        this.store.fail(step.isThere);
        break;
      case "pass":
        this.world.advance(step.ms);
        for (const n of this.held.values()) this.known[n]!.mayHaveFailed += 1 + Math.floor(step.ms / 500);
        break;
      case "die":
        for (const n of this.held.values()) this.known[n]!.mayHaveFailed++;
        this.client.leave();
        this.world.run();
        this.#boot();
        break;
      case "crash":
        this.store = this.store.crash(step.isThere);
        this.world = new World({}, this.store, this.world.now);
        this.#boot();
    }
    this.world.run();
    this.observe();
    expect(check(this.world.core).problems).toEqual([]);
  }

  #publish(n: number, delayMs: number): void {
    const headers: Record<string, Element> = { id: `id-${n}`, ttlMs: 1_000_000 };
    if (delayMs > 0) headers["delayMs"] = delayMs;
    this.client.send(Op.PUB, "t", n, ext1(headers));
    const known = this.known[n]!;
    this.#sinceSync.push(() => (known.isConfirmed = true));
  }

  #settle(at: number, count: number, verdict: number): void {
    const seqs = [...this.held.keys()].slice(at, at + count);
    const [first] = seqs;
    if (first === undefined) return;
    this.client.send(Op.ACK, this.#sid, first, seqs.at(-1)!, verdict);
    for (const seq of seqs) {
      const known = this.known[this.held.get(seq)!]!;
      this.held.delete(seq);
      if (this.world.now - this.#heldSinceMs.get(seq)! >= ACK_TIMEOUT_MS) known.isUnsure = true;
      if (verdict === 1) {
        known.mayHaveFailed++;
        this.#sinceSync.push(() => known.failed++);
      } else {
        known.verdict = verdict === 0 ? "done" : "rejected";
        this.#sinceSync.push(() => (known.isVerdictConfirmed = known.verdict !== undefined));
      }
    }
  }

  observe(): void {
    for (const elements of this.client.read()) {
      const [op, ref] = elements;
      if (op === Op.FOR) {
        this.#seq = elements[2] as number;
        expect((elements[3] as number | undefined) ?? 1).toBeLessThanOrEqual(MAX_ATTEMPTS);
      } else if (op === Op.PUB) {
        const n = elements[2] as number;
        const known = this.known[n]!;
        // One whose settlement was confirmed does not come again.
        if (!known.isUnsure) expect(known.isVerdictConfirmed).toBe(false);
        // What was settled and yet came again was lost with the broker, or failed since.
        known.verdict = undefined;
        // One that timed out is no longer held under the number that it had.
        for (const [seq, held] of this.held) if (held === n) this.held.delete(seq);
        this.#heldSinceMs.set(this.#seq, this.world.now);
        this.held.set(this.#seq++, n);
      } else if (op === Op.OK) {
        for (const confirmed of this.#syncs.get(ref as number) ?? []) confirmed();
        this.#syncs.delete(ref as number);
      }
    }
  }

  /** The broker dies once more; what a new one has must be what was confirmed. */
  finish(): void {
    const store = this.store.crash(false);
    const world = new World({}, store, this.world.now);
    const client = world.connect();
    client.send(Op.SUB, 1, "t", ext1({ queue: "q", ack: true, prefetch: 1_000_000 }));
    client.send(Op.SUB, 2, "d", ext1({ queue: "dead", ack: true, prefetch: 1_000_000 }));
    world.run();
    world.advance(450);
    const live: number[] = [];
    const dead: number[] = [];
    let sid = 0;
    let attempt = 1;
    const attempts = new Map<number, number>();
    for (const elements of client.read()) {
      if (elements[0] === Op.FOR) {
        sid = elements[1] as number;
        attempt = (elements[3] as number | undefined) ?? 1;
      } else if (elements[0] === Op.PUB) {
        const n = elements[2] as number;
        if (sid === 1) attempts.set(n, attempt);
        (sid === 1 ? live : dead).push(n);
      }
    }
    expect(new Set([...live, ...dead]).size).toBe(live.length + dead.length);
    for (const [n, known] of this.known.entries()) {
      const isLive = live.includes(n);
      const isDead = dead.includes(n);
      const story = `${n}: ${JSON.stringify(known)}, ${isLive ? "waits" : isDead ? "is dead" : "is gone"}`;
      if (known.isUnsure) continue;
      if (known.isVerdictConfirmed && known.verdict === "done") expect(isLive || isDead, story).toBe(false);
      if (known.isVerdictConfirmed && known.verdict === "rejected") expect(isDead, story).toBe(true);
      if (known.isConfirmed && known.verdict !== "done") expect(isLive || isDead, story).toBe(true);
      if (isDead && known.verdict === undefined) expect(known.mayHaveFailed, story).toBeGreaterThanOrEqual(1);
      const least = attempts.get(n);
      if (least !== undefined) expect(least, story).toBeGreaterThan(known.failed);
    }
    // All of it is settled: nothing is left on disk but what the queues themselves are, and their ids.
    client.send(Op.ACK, 1, 0, 1_000_000, 0);
    client.send(Op.ACK, 2, 0, 1_000_000, 0);
    world.run();
    store.complete();
    world.run();
    store.complete();
    expect([...store.values.keys()].filter((key) => "msat".includes(key[0]!))).toEqual([]);
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      count: fc.integer({ min: 1, max: 4 }),
      delayMs: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 100 }) }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      at: fc.nat({ max: 5 }),
      count: fc.integer({ min: 1, max: 4 }),
      verdict: fc.nat({ max: 2 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("sync" as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("complete" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("resend" as const, "die" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("fail" as const, "crash" as const), isThere: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat({ max: 400 }) }) },
);

describe("what was confirmed", () => {
  test("is there after the broker's end at any moment, once, and what was settled is not", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const run = new Run();
        for (const each of steps) run.step(each);
        run.finish();
      }),
      { numRuns: 250 },
    );
  }, 60_000);
});

// ── By hand ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function durable(store: SimulatedStore, startMs = 0): { world: World; client: SimulatedClient } {
  const world = new World({}, store, startMs);
  const client = world.connect();
  store.complete(); // the version of the layout, where the disk is new
  return { world, client };
}

test("OK comes when all that was sent before is on disk, and not before; those that wait share a write", () => {
  const store = new SimulatedStore();
  const { world, client } = durable(store);
  const other = world.connect();
  client.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true, ack: true }));
  world.run();
  expect(store.isWriting).toBe(true);
  client.send(Op.PUB, "t", "a");
  client.send(Op.SYNC, 2);
  other.send(Op.PUB, "t", "b");
  other.send(Op.SYNC, 2);
  world.run();
  store.complete(); // of the queue itself
  world.run();
  expect([client, other].map((each) => each.read().filter(([op]) => op === Op.OK))).toEqual([[], []]);
  store.complete();
  world.run();
  expect([client, other].map((each) => each.read().filter(([op]) => op === Op.OK))).toEqual([
    [[Op.OK, 2, 1]],
    [[Op.OK, 2, 1]],
  ]);
  expect(store.writes).toBe(3);
});

test("a failed write is told, tried again after a pause, and what it held is not lost", () => {
  const store = new SimulatedStore();
  const { world, client } = durable(store);
  client.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true, ack: true }));
  world.run();
  store.complete();
  client.send(Op.PUB, "t", "a");
  client.send(Op.SYNC, 2);
  world.run();
  client.read();
  store.fail(false);
  world.run();
  expect(client.read().map((each) => each.slice(0, 3))).toEqual([[Op.ERR, 2, "unavailable"]]);
  expect(store.isWriting).toBe(false);
  client.send(Op.SYNC, 3);
  world.run();
  expect([store.isWriting, client.read()]).toEqual([false, []]);
  world.advance(100);
  expect(store.isWriting).toBe(true);
  store.complete();
  world.run();
  expect(client.read()).toEqual([[Op.OK, 3, 0]]);
  const again = durable(store.crash(false));
  expect(again.world.core.queues.get("q")!.counts()).toMatchObject({ accepted: 1, waiting: 1 });
});

test("a retry's attempt and delay are kept: after the broker's end the message comes no sooner, as the attempt that it is", () => {
  const store = new SimulatedStore();
  const { world, client } = durable(store);
  const options = ext1({ queue: "q", durable: true, ack: true });
  client.send(Op.SUB, 1, "t", options);
  client.send(Op.PUB, "t", "a", ext1({ ttlMs: 100_000 }));
  client.send(Op.PUB, "t", "b");
  world.run();
  store.complete();
  client.send(Op.ACK, 1, 1, 2, 1, 5000);
  world.run();
  store.complete();
  const next = new World({}, store.crash(false), 1000);
  const heir = next.connect();
  heir.send(Op.SUB, 1, "t", options);
  next.run();
  next.advance(3990);
  expect(heir.read()).toEqual([]);
  next.advance(20);
  expect(heir.read().map((elements) => elements.slice(0, 4).filter((it) => typeof it !== "object"))).toEqual([
    [Op.FOR, 1, 1, 2],
    [Op.PUB, "t", "a"],
    [Op.PUB, "t", "b"],
  ]);
});

test.each(["block", "drop-oldest", "drop-newest"])(
  "what comes to a full queue is written in runs as well: %s",
  (overflow) => {
    const store = new SimulatedStore();
    const { world, client } = durable(store);
    client.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true, ack: true, prefetch: 1, maxMessages: 10, overflow }));
    world.run();
    store.complete();
    client.write(Buffer.concat(Array.from({ length: 500 }, (_, n) => frame(Op.PUB, "t", n))));
    world.run();
    store.complete();
    world.run();
    store.complete();
    const records = [...store.values.keys()].filter((key) => key.startsWith("m"));
    expect(records.length).toBeLessThan(5);
    const next = new World({}, store.crash(false), 1000);
    const waiting = { block: 500, "drop-oldest": 11, "drop-newest": 11 }[overflow];
    expect(next.core.counters()).toMatchObject({ waiting });
  },
);

test("a dead letter is written with what removes it from its queue, never one without the other", () => {
  const store = new SimulatedStore();
  const { world, client } = durable(store);
  client.send(Op.SUB, 1, "dead", ext1({ queue: "dead", durable: true }));
  client.send(Op.UNSUB, 1);
  client.send(
    Op.SUB,
    2,
    "t",
    ext1({ queue: "q", durable: true, ack: true, deadLetter: "dead", ackTimeoutMs: 100, maxAttempts: 1 }),
  );
  client.send(Op.PUB, "t", "a");
  client.send(Op.PUB, "t", "b");
  world.run();
  for (let i = 0; i < 4 && store.isWriting; i++) store.complete();
  world.run();
  // A write is under way while the message dies of its time-out; the next begins as soon as that is over.
  client.send(Op.PUB, "t", "c");
  world.run();
  world.now = 100;
  world.core.alarm();
  store.complete();
  store.complete();
  const again = durable(store.crash(false), world.now);
  const { queues } = again.world.core;
  expect([queues.get("q")!.counts().waiting, queues.get("dead")!.counts().waiting]).toEqual([2, 1]);
});

test("a time to live is no delay: the message comes at once, also where the clock on the wall was put back meanwhile", () => {
  const store = new SimulatedStore();
  const { world, client } = durable(store, 10_000);
  client.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true }));
  client.send(Op.UNSUB, 1);
  client.send(Op.PUB, "t", "a", ext1({ ttlMs: 100_000 }));
  world.run();
  store.complete();
  const again = durable(store.crash(false), 4000);
  again.client.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true }));
  again.world.run();
  expect(again.client.read().map(([op]) => op)).toEqual([Op.FOR, Op.PUB]);
});

test("nothing is left of a queue that is removed, and the next one takes none of its ids for known", () => {
  const store = new SimulatedStore();
  const { world, client } = durable(store);
  const options = ext1({ queue: "q", durable: true, ack: true });
  client.send(Op.SUB, 1, "t", options);
  for (let i = 0; i < 3; i++) client.send(Op.PUB, "t", i, ext1({ id: `id-${i}`, delayMs: i * 10, ttlMs: 5000 }));
  world.run();
  store.complete();
  client.send(Op.ACK, 1, 1, 1, 1);
  client.send(Op.REQ, 9, "$sys.queue.remove", ext1({ queue: "q" }));
  world.run();
  store.complete();
  store.complete();
  expect([...store.values.keys()]).toEqual(["v"]);
  const again = durable(store.crash(false));
  again.client.send(Op.SUB, 1, "t", options);
  again.client.send(Op.PUB, "t", 0, ext1({ id: "id-0" }));
  again.world.run();
  expect(again.client.read().filter(([op]) => op === Op.PUB)).toHaveLength(1);
});

test("an id is known over a restart, for its time and no longer, whatever other ids there are", () => {
  const store = new SimulatedStore();
  const { world, client } = durable(store);
  client.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true, dedupeMs: 1000 }));
  client.send(Op.PUB, "t", 1, ext1({ id: "z" }));
  world.run();
  world.advance(500);
  client.send(Op.PUB, "t", 2, ext1({ id: "a" }));
  world.run();
  for (let i = 0; i < 3; i++) store.complete();
  const again = durable(store.crash(false), 900);
  again.client.send(Op.SUB, 1, "t", ext1({ queue: "q" }));
  const publish = (): number => {
    for (const id of ["a", "z"]) again.client.send(Op.PUB, "t", 3, ext1({ id }));
    again.world.run();
    return again.client.read().filter(([op, , n]) => op === Op.PUB && n === 3).length;
  };
  expect(publish()).toBe(0);
  again.world.advance(200);
  expect(publish()).toBe(1); // "z", whose time is over
  again.world.advance(450);
  expect(publish()).toBe(1); // "a"
});

test("an id or a key of any length costs a bounded key on disk", () => {
  const store = new SimulatedStore();
  const { world, client } = durable(store);
  client.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true }));
  for (const last of ["a", "b", "a"]) client.send(Op.PUB, "t", last, ext1({ id: "x".repeat(20_000) + last }));
  world.run();
  for (let i = 0; i < 3; i++) store.complete();
  expect(Math.max(...[...store.values.keys()].map((key) => key.length))).toBeLessThan(200);
  expect(world.core.queues.get("q")!.counts().accepted).toBe(2);
});

test("retained values come back, and those that were cleared do not", () => {
  const store = new SimulatedStore();
  const { world, client } = durable(store);
  client.send(Op.RETAIN, "a", 1);
  client.send(Op.RETAIN, "b", 2);
  client.send(Op.RETAIN, "a", 3);
  world.run();
  store.complete();
  client.send(Op.RETAIN, "b", null);
  client.send(Op.SYNC, 1);
  world.run();
  for (let i = 0; i < 3; i++) store.complete();
  world.run();
  expect(client.read()).toEqual([[Op.OK, 1, 0]]);
  const again = durable(store.crash(false));
  again.client.send(Op.SUB, 1, ">");
  again.world.run();
  expect(again.client.read().slice(1)).toEqual([[Op.RETAIN, "a", 3]]);
});

describe("damage", () => {
  function filled(): SimulatedStore {
    const store = new SimulatedStore();
    const { world, client } = durable(store);
    client.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true, ack: true, prefetch: 4 }));
    client.send(Op.RETAIN, "r", "retained");
    const messages = Array.from({ length: 8 }, (_, i) =>
      frame(Op.PUB, "t", i, ext1({ id: `id-${i}`, delayMs: i < 5 ? 0 : i, ttlMs: 60_000 })),
    );
    client.write(Buffer.concat(messages));
    world.run();
    client.send(Op.ACK, 1, 2, 2, 0);
    client.send(Op.ACK, 1, 1, 1, 1);
    world.run();
    for (let i = 0; i < 5; i++) store.complete();
    return store;
  }

  test("of any bit of any value or key is refused with a word", () => {
    const { values } = filled();
    expect(new Set([...values.keys()].map((key) => key[0]))).toEqual(new Set("vqmsatir"));
    for (const [key, value] of values) {
      for (let bit = 0; bit < value.length * 8; bit += 5) {
        const flipped = Buffer.from(value);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const damaged = new SimulatedStore(new Map([...values, [key, flipped]]));
        expect(() => new World({}, damaged), `bit ${bit} of ${JSON.stringify(key)}`).toThrow();
      }
      const name = Buffer.from(key, "latin1");
      for (let bit = 0; bit < name.length * 8; bit += 3) {
        const flipped = Buffer.from(name);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const others = new Map(values);
        others.delete(key);
        others.set(flipped.toString("latin1"), value);
        expect(() => new World({}, new SimulatedStore(others)), `bit ${bit} of ${JSON.stringify(key)}`).toThrow();
      }
    }
  });

  test("as it was written it is taken", () => {
    const { world } = durable(filled().crash(false));
    expect(world.core.queues.get("q")!.counts()).toMatchObject({ accepted: 7, waiting: 7 });
  });
});

test("a client that has nothing on disk is not made to wait for it, nor told that it failed", () => {
  const store = new SimulatedStore();
  const { world, client } = durable(store);
  const other = world.connect();
  client.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true }));
  client.send(Op.PUB, "t", 1);
  client.send(Op.SYNC, 2);
  world.run();
  other.send(Op.SUB, 1, "plain");
  other.send(Op.PUB, "plain", 1);
  other.send(Op.SYNC, 2);
  world.run();
  expect(other.read().filter(([op]) => op === Op.OK)).toEqual([[Op.OK, 2, 1]]);
  store.fail(false);
  world.run();
  other.send(Op.SYNC, 3);
  world.run();
  expect(other.read().filter(([op]) => op === Op.OK)).toEqual([[Op.OK, 3, 0]]);
});

test("a message that is known is confirmed when the one that was taken is on disk", () => {
  const store = new SimulatedStore();
  const { world, client } = durable(store);
  const again = world.connect();
  client.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true }));
  world.run();
  client.send(Op.PUB, "t", 1, ext1({ id: "x" }));
  again.send(Op.PUB, "t", 1, ext1({ id: "x" }));
  again.send(Op.SYNC, 1);
  world.run();
  store.complete(); // of the queue
  world.run();
  expect(again.read()).toEqual([]);
  store.complete();
  world.run();
  expect(again.read()).toEqual([[Op.OK, 1, 1]]);
});

// A named queue on a whole broker in simulated time, against a plain model: whatever happens in whatever order, each message is
// where it has to be, the books balance and are those that a recount gives, and nothing is held when all is over.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { check } from "../../../../broker/core/sys/check.ts";
import { type Element, ext1, frame } from "../../../support/msgpack.ts";
import { Op } from "../../../support/raw-client.ts";
import { type SimulatedClient, World } from "../../../support/simulated.ts";
import { type DeadLetter, ModelMember, type Published, type QueueConfig, QueueModel } from "./queue-model.ts";

const RUNS = 250;
const CLIENTS = 3;
const KEYS = 3;

interface Message {
  readonly key: number;
  readonly hasKey: boolean;
  readonly bytes: number;
  readonly id: number;
  readonly ttlMs: number;
  readonly delayMs: number;
}

type Step =
  | { do: "publish"; messages: readonly Message[] }
  | { do: "join"; client: number; prefetch: number; concurrency: number }
  | { do: "settle"; client: number; at: number; count: number; isAll: boolean; verdict: number; delayMs: number }
  | { do: "unsubscribe" | "hold" | "release" | "die" | "stop" | "read"; client: number; bytes: number }
  | { do: "pass"; ms: number }
  | { do: "purge" }
  | { do: "update"; maxMessages: number; maxAttempts: number; ackTimeoutMs: number };

/** One connection: gone and made anew as the steps say. */
interface Slot {
  client: SimulatedClient;
  readonly members: Map<number, ModelMember>;
  nextSid: number;
  /** What FOR says of the messages that follow. */
  sid: number;
  seq: number;
  attempt: number;
}

class Run {
  readonly world = new World();
  readonly model: QueueModel;
  readonly #slots: Slot[];
  readonly #publisher: SimulatedClient;
  readonly #admin: SimulatedClient;
  readonly #observer: SimulatedClient;
  /** Dead letters, as they came. */
  readonly deadLetters: DeadLetter[] = [];
  #n = 0;
  #request = 1;
  lost = 0;

  constructor(config: QueueConfig) {
    this.model = new QueueModel({ ...config });
    this.#publisher = this.world.connect();
    this.#admin = this.world.connect();
    this.#observer = this.world.connect();
    this.#observer.send(Op.SUB, 1, "dead", ext1({ maxMessages: 1_000_000 }));
    this.#slots = Array.from({ length: CLIENTS }, () => this.#newSlot());
    const { partitionBy, ...options } = config;
    const about = { queue: "q", keep: true, deadLetter: "dead", ...options };
    this.#admin.send(Op.SUB, 1, "t.*", ext1(partitionBy === undefined ? about : { ...about, partitionBy }));
    this.#admin.send(Op.UNSUB, 1);
    this.world.run();
    expect(this.#admin.read()).toEqual([]);
  }

  get queue() {
    return this.world.core.queues.get("q")!;
  }

  #newSlot(): Slot {
    return { client: this.world.connect(), members: new Map(), nextSid: 1, sid: 0, seq: 0, attempt: 1 };
  }

  step(step: Step): void {
    this.#act(step);
    this.world.run();
    this.observe();
    this.check();
  }

  #act(step: Step): void {
    const { model, world } = this;
    switch (step.do) {
      case "publish":
        return this.#publish(step.messages);
      case "join": {
        const slot = this.#slots[step.client]!;
        const sid = slot.nextSid++;
        const { prefetch, concurrency } = step;
        const { ack } = model.config;
        slot.client.send(Op.SUB, sid, "t.*", ext1(ack ? { queue: "q", ack, prefetch, concurrency } : { queue: "q" }));
        const member = new ModelMember(sid, ack ? prefetch : Infinity, concurrency);
        slot.members.set(sid, member);
        model.members.add(member);
        return;
      }
      case "settle": {
        const slot = this.#slots[step.client]!;
        const members = [...slot.members.values()].filter(({ held }) => held.length > 0);
        const member = members[step.at % Math.max(1, members.length)];
        if (member === undefined) return;
        const first = member.held[step.at % member.held.length]!.seq;
        // Up to the last that it has; or to what it has not, all of which is passed over, also what is on its way.
        const last = step.isAll ? 1_000_000 : Math.min(first + step.count, member.held.at(-1)!.seq);
        if (step.delayMs > 0) slot.client.send(Op.ACK, member.sid, first, last, step.verdict, step.delayMs);
        else slot.client.send(Op.ACK, member.sid, first, last, step.verdict);
        model.settle(member, first, last, step.verdict, step.delayMs);
        return;
      }
      case "unsubscribe": {
        const slot = this.#slots[step.client]!;
        const member = this.#some(slot, step.bytes, ({ isRetired }) => !isRetired);
        if (member === undefined) return;
        slot.client.send(Op.UNSUB, member.sid);
        model.unsubscribe(member);
        return;
      }
      case "hold":
      case "release": {
        const slot = this.#slots[step.client]!;
        const member = this.#some(slot, step.bytes, () => true);
        if (member === undefined) return;
        slot.client.send(step.do === "hold" ? Op.XOFF : Op.XON, member.sid);
        if (!member.isRetired) member.isHeld = step.do === "hold";
        return;
      }
      case "stop":
        this.#hasStopped = true;
        this.#slots[step.client]!.client.isReading = false;
        return;
      case "read": {
        const { client } = this.#slots[step.client]!;
        client.isReading = true;
        client.take();
        return;
      }
      case "die": {
        const slot = this.#slots[step.client]!;
        slot.client.takeSome(step.bytes);
        this.#observeSlot(slot);
        slot.client.leave();
        for (const member of slot.members.values()) if (model.members.has(member)) model.gone(member);
        this.#slots[step.client] = this.#newSlot();
        return;
      }
      case "pass": {
        const until = world.now + step.ms;
        for (;;) {
          const next = Math.min(until, Math.max(world.now, model.nextMs));
          world.advance(next - world.now);
          model.pass(next);
          world.run();
          this.observe();
          if (next >= until) return;
        }
      }
      case "purge":
        this.#ask("$sys.queue.purge", {});
        model.purge();
        return;
      case "update": {
        const { do: _do, ...options } = step;
        this.#ask("$sys.queue.update", options);
        Object.assign(model.config, options);
      }
    }
  }

  #ask(topic: string, args: Record<string, Element>): void {
    this.#admin.send(Op.REQ, this.#request++, topic, ext1({ queue: "q", ...args }));
    const [answer] = this.#admin.read();
    if (answer === undefined) return; // it comes with the turn
    expect(answer[2]).toBe(0);
  }

  #some(slot: Slot, at: number, is: (member: ModelMember) => boolean): ModelMember | undefined {
    const members = [...slot.members.values()].filter((member) => this.model.members.has(member) && is(member));
    return members[at % Math.max(1, members.length)];
  }

  #publish(messages: readonly Message[]): void {
    const { model, world } = this;
    const published: Published[] = [];
    const frames: Buffer[] = [];
    for (const { key, hasKey, bytes, id, ttlMs, delayMs } of messages) {
      const n = this.#n++;
      const topic = `t.${key}`;
      const headers: Record<string, Element> = { b: "x".repeat(bytes) };
      if (hasKey) headers["key"] = key;
      if (id > 0) headers["id"] = `id-${id}`;
      if (ttlMs > 0) headers["ttlMs"] = ttlMs;
      if (delayMs > 0) headers["delayMs"] = delayMs;
      frames.push(frame(Op.PUB, topic, n, ext1(headers)));
      const { partitionBy } = model.config;
      published.push({
        n,
        topic,
        key: partitionBy === 2 ? String(key) : partitionBy === "key" && hasKey ? String(key) : undefined,
        untilMs: ttlMs > 0 ? world.now + ttlMs : Infinity,
        attempt: 1,
        seen: 0,
        wakesMs: 0,
        id: id > 0 ? `id-${id}` : undefined,
        delayMs,
      });
    }
    model.publish(published);
    this.#publisher.write(Buffer.concat(frames));
  }

  /** Reads what came to everybody. */
  observe(): void {
    const { model } = this;
    const before = model.deliverable.map(({ n }) => n);
    const came = this.#slots.map((slot) => this.#observeSlot(slot));
    // In order for each member, and none was passed over for one behind it.
    if (model.config.partitionBy === undefined && !this.#hasStopped) {
      const places = came.map((each) => each.map((n) => before.indexOf(n)));
      for (const each of places) expect(each).toEqual(each.toSorted((a, b) => a - b));
      const all = places.flat().sort((a, b) => a - b);
      expect(all).toEqual(all.map((_, i) => i));
    }
    this.#wereReading = this.#slots.every((slot) => slot.client.isReading);
    for (const [op, topic, n, headers] of this.#observer.read()) {
      if (op !== Op.PUB || topic !== "dead") continue;
      const text = (headers as { body: Buffer }).body.toString("latin1");
      const reason = (["attempts", "rejected", "expired"] as const).find(
        (it) => text.includes(`deadReason\xa8${it}`) || text.includes(`deadReason\xa7${it}`),
      );
      const attempts = text.charCodeAt(text.indexOf("deadAttempts") + "deadAttempts".length);
      this.deadLetters.push({ n: n as number, reason: reason!, attempts });
    }
    this.#publisher.read();
    this.#admin.read();
  }

  #wereReading = true;
  /** Whether anybody ever stopped reading: then it can't be seen what is on its way, or was and came back. */
  #hasStopped = false;

  #observeSlot(slot: Slot): number[] {
    const { model } = this;
    const came: number[] = [];
    for (const elements of slot.client.read()) {
      const [op] = elements;
      if (op === Op.FOR) {
        slot.sid = elements[1] as number;
        slot.seq = (elements[2] as number | undefined) ?? 0;
        slot.attempt = (elements[3] as number | undefined) ?? 1;
      } else if (op === Op.GAP) {
        this.lost += elements[2] as number;
      } else if (op === Op.PUB) {
        const member = slot.members.get(slot.sid)!;
        const n = elements[2] as number;
        this.#checkKey(member, n);
        model.delivered(member, n, slot.seq, slot.attempt, this.#wereReading);
        came.push(n);
        if (model.config.ack) slot.seq++;
      } else if (op !== Op.PING) {
        throw new Error(`${String(elements)} came to a member`);
      }
    }
    for (const member of slot.members.values()) {
      member.refill(this.world.now);
      if (slot.client.isReading) model.hasAll(member);
    }
    return came;
  }

  /** Messages of a key are with one member at a time, and come in order. */
  #checkKey(member: ModelMember, n: number): void {
    const { model } = this;
    if (model.config.partitionBy === undefined || !model.config.ack) return;
    const waiting = [...model.leaving, ...model.returned, ...model.fresh];
    const key = waiting.find((message) => message.n === n)?.key;
    if (key === undefined) return;
    for (const other of model.members) {
      if (other !== member && other.held.some(({ message }) => message.key === key)) {
        throw new Error(`${n}, of key ${key}, came to a member while another holds messages of that key`);
      }
    }
    const first = waiting.find((message) => message.key === key && message.untilMs > this.world.now);
    if (this.#wereReading && first !== undefined && first.n < n)
      throw new Error(`${n} of key ${key} came before ${first.n}`);
  }

  check(): void {
    const { model, world, queue } = this;
    expect(check(world.core).problems).toEqual([]);
    const { accepted, settled, inFlight, waiting, dropped, expired, dead } = queue.counts();
    const lapsed = model.dead.filter(({ reason }) => reason === "expired").length;
    const died = model.dead.length - lapsed;
    expect({ accepted, settled, dropped, dead }).toEqual({
      accepted: model.accepted,
      settled: model.settled,
      dropped: model.dropped,
      dead: died,
    });
    expect(waiting + inFlight + expired).toBe(model.waiting + model.leaving.length + model.held + lapsed);
    this.#checkNobodyWaitsForNothing();
  }

  #checkNobodyWaitsForNothing(): void {
    const { model } = this;
    if (!this.#slots.every(({ client }) => client.isReading)) return;
    const able = [...model.members].filter(({ room }) => room > 0);
    if (able.length === 0) return;
    const { deliverable } = model;
    if (model.config.partitionBy === undefined) {
      expect(deliverable).toEqual([]);
      return;
    }
    if (!model.config.ack) return;
    for (const { n, key } of deliverable) {
      const owner = [...model.members].find(({ held }) => held.some(({ message }) => message.key === key));
      const canGo = key === undefined || owner === undefined || owner.room > 0;
      if (canGo) throw new Error(`${n}, of key ${key}, waits, and a member has room for it`);
    }
  }

  /** Everybody reads and settles until nothing is left, and goes. */
  finish(): void {
    const { model, world } = this;
    for (const [client] of this.#slots.entries()) {
      this.step({ do: "read", client, bytes: 0 });
      const slot = this.#slots[client]!;
      for (const member of slot.members.values()) {
        if (model.members.has(member) && member.isHeld) {
          slot.client.send(Op.XON, member.sid);
          member.isHeld = false;
        }
      }
    }
    this.step({ do: "join", client: 0, prefetch: 10, concurrency: 1 });
    for (let i = 0; model.held + model.waiting > 0 && i < 10_000; i++) {
      for (const [client] of this.#slots.entries()) {
        this.step({ do: "settle", client, at: 0, count: 1000, isAll: false, verdict: 0, delayMs: 0 });
      }
      model.lapse();
      if (model.held === 0 && model.waiting > 0) this.step({ do: "pass", ms: 1000 });
      model.lapse();
      this.check();
    }
    expect(model.held + model.waiting).toBe(0);
    expect(this.deadLetters.toSorted(byNumber)).toEqual(model.dead.toSorted(byNumber));
    const { core } = world;
    this.#ask("$sys.queue.remove", {});
    for (const { client } of this.#slots) client.leave();
    for (const client of [this.#publisher, this.#admin, this.#observer]) client.leave();
    world.run();
    expect(core.queues.size).toBe(0);
    expect(core.chunks.heldBytes).toBe(0);
    expect(world.imbalance).toBe(0);
  }
}

function byNumber(a: DeadLetter, b: DeadLetter): number {
  return a.n - b.n || a.attempts - b.attempts;
}

// ── What may happen ─────────────────────────────────────────────────────────────────────────────────────────────────

function messageOf(most: { ttlMs: number }): fc.Arbitrary<Message> {
  return fc.record({
    key: fc.nat({ max: KEYS - 1 }),
    hasKey: fc.boolean(),
    bytes: fc.oneof({ weight: 5, arbitrary: fc.constant(10) }, { weight: 1, arbitrary: fc.constant(3000) }),
    id: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) }),
    ttlMs: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: most.ttlMs }) }),
    delayMs: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 300 }) }),
  });
}

const client = fc.nat({ max: CLIENTS - 1 });
const some = fc.nat({ max: 400 });

function stepOf(kinds: readonly ("stop" | "read" | "update" | "purge")[], ttlMs: number): fc.Arbitrary<Step> {
  const messages = fc.array(messageOf({ ttlMs }), { minLength: 1, maxLength: 6 });
  const steps: fc.WeightedArbitrary<Step>[] = [
    { weight: 6, arbitrary: fc.record({ do: fc.constant("publish" as const), messages }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("join" as const),
        client,
        prefetch: fc.integer({ min: 1, max: 8 }),
        concurrency: fc.integer({ min: 1, max: 3 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("settle" as const),
        client,
        at: fc.nat({ max: 8 }),
        count: fc.nat({ max: 4 }),
        isAll: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
        verdict: fc.nat({ max: 3 }),
        delayMs: fc.oneof(fc.constant(0), fc.nat({ max: 200 })),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom("unsubscribe" as const, "hold" as const, "release" as const, "die" as const),
        client,
        bytes: some,
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat({ max: 600 }) }) },
  ];
  if (kinds.includes("stop")) {
    const arbitrary = fc.record({ do: fc.constantFrom("stop" as const, "read" as const), client, bytes: some });
    steps.push({ weight: 2, arbitrary });
  }
  if (kinds.includes("purge")) steps.push({ weight: 1, arbitrary: fc.record({ do: fc.constant("purge" as const) }) });
  if (kinds.includes("update")) {
    steps.push({
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("update" as const),
        maxMessages: fc.integer({ min: 1, max: 8 }),
        maxAttempts: fc.nat({ max: 3 }),
        ackTimeoutMs: fc.constantFrom(0, 100, 500),
      }),
    });
  }
  return fc.oneof(...steps);
}

const limits = {
  maxMessages: fc.integer({ min: 1, max: 10 }),
  maxAttempts: fc.nat({ max: 3 }),
  ackTimeoutMs: fc.constantFrom(0, 100, 400),
  dedupeMs: fc.constantFrom(0, 500),
};

function play(config: QueueConfig, steps: readonly Step[], isExact: boolean): void {
  const run = new Run(config);
  run.check();
  for (const step of steps) run.step(step);
  run.finish();
  if (isExact) expect(run.lost).toBe(run.model.dropped);
}

describe("against the model", () => {
  test("members that stop reading, die in the middle of a write, hold, settle and come anew; by key and without", () => {
    const config = fc.record({
      ack: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
      overflow: fc.constant("block" as const),
      partitionBy: fc.constantFrom("key" as const, 2, undefined),
      ...limits,
    });
    const steps = fc.array(stepOf(["stop", "read"], 400), { maxLength: 60, size: "max" });
    fc.assert(
      fc.property(config, steps, ({ partitionBy, ...others }, each) => {
        play(partitionBy === undefined ? others : { ...others, partitionBy }, each, false);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  test.each(["block", "drop-oldest", "drop-newest", "latest"] as const)(
    "%s: what is dropped is known to the message, and told",
    (overflow) => {
      const config = fc.record({ ack: fc.boolean(), ...limits });
      const steps = fc.array(stepOf(["purge", "update"], 0), { maxLength: 60, size: "max" });
      fc.assert(
        fc.property(config, steps, (others, each) => {
          play({ ...others, overflow }, each, true);
        }),
        { numRuns: RUNS },
      );
    },
    120_000,
  );
});

test("a purge leaves what a member holds its time to live", () => {
  const world = new World();
  const worker = world.connect();
  const publisher = world.connect();
  worker.send(Op.SUB, 1, "t", ext1({ queue: "q", ack: true, prefetch: 1 }));
  for (const payload of [1, 2]) publisher.send(Op.PUB, "t", payload, ext1({ ttlMs: 100 }));
  world.run();
  publisher.send(Op.REQ, 1, "$sys.queue.purge", ext1({ queue: "q" }));
  world.run();
  world.advance(101);
  worker.send(Op.ACK, 1, 1, 1, 1);
  world.run();
  expect(worker.read().filter(([op]) => op === Op.PUB)).toHaveLength(1);
  expect(world.core.counters()).toMatchObject({ dropped: 1, expired: 1 });
});

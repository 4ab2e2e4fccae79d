// A program that uses podbus's own client, the real one: publishes, subscribes with handlers and loops, answers and asks, drains and
// begins anew. Whatever it awaits has to settle.

import { Bus } from "../../../client/bus.ts";
import { Core } from "../../../client/core.ts";
import { ApplicationError } from "../../../client/application-error.ts";
import type { Message } from "../../../client/message.ts";
import { resolveOptions } from "../../../client/options.ts";
import type { SubscribeOptions } from "../../../client/subscribe-options.ts";
import { PodbusError } from "../../../shared/errors.ts";
import type { Connection } from "../connection.ts";
import { Kind } from "../loop.ts";
import type { ClientPlan, PublishPlan, SubPlan } from "../plan.ts";
import type { Random } from "../random.ts";
import { Violation } from "../trace.ts";
import { BusEnv } from "./bus-env.ts";
import type { Client, ClientWorld } from "./client.ts";
import { Feed, Ledger } from "./ledger.ts";

const GAP = (lost: number): string => `a GAP of ${lost}`;

export class BusClient implements Client {
  readonly #plan: ClientPlan;
  readonly #world: ClientWorld;
  readonly #random: Random;
  #env!: BusEnv;
  #core!: Core;
  #bus!: Bus;
  #ledger!: Ledger;
  #connection: Connection | undefined;
  #steps: number;
  /** Promises that have not settled, by what they are of. */
  readonly #open = new Map<number, string>();
  #opened = 0;
  /** Handlers under way. */
  #running = 0;
  #disconnects = 0;
  #isFinishing = false;
  #isGone = false;
  #isOpen = false;
  #isBlocked = false;
  #subs: { feed: Feed; end: () => Promise<void>; isEnded: boolean }[] = [];
  #published: number[] = [];

  constructor(plan: ClientPlan, world: ClientWorld, random: Random) {
    this.#plan = plan;
    this.#world = world;
    this.#random = random;
    this.#steps = plan.steps;
    world.loop.in(random.below(plan.pauseMs * 4 + 1), Kind.CONNECT, plan.index, () => this.#begin());
  }

  get isDone(): boolean {
    return this.#isGone || (this.#open.size === 0 && this.#isOpen && this.#running === 0);
  }

  get waitsFor(): string {
    return [...this.#open.values(), ...(this.#isOpen ? [] : ["a connection"])].join(", ");
  }

  /** Awaits `promise`, which has to settle. */
  #await<T>(
    what: string,
    promise: Promise<T>,
    then: (value: T) => void,
    failed: (error: Error) => void = () => {},
  ): void {
    const number = ++this.#opened;
    this.#open.set(number, what);
    promise.then(
      (value) => {
        this.#open.delete(number);
        try {
          then(value);
        } catch (error) {
          this.#world.fail(error as Error);
        }
      },
      (error: unknown) => {
        this.#open.delete(number);
        if (error instanceof PodbusError || error instanceof ApplicationError) failed(error);
        else this.#world.fail(error as Error);
      },
    );
  }

  // ── A bus, from its connect to its end ────────────────────────────────────────────────────────────────────────────

  #begin(): void {
    if (this.#isGone) return;
    const { plan } = { plan: this.#plan };
    this.#ledger = new Ledger(plan.index, plan.subs.length > 0);
    this.#env = new BusEnv(this.#world, this.#random, plan, (connection) => {
      this.#connection = connection;
      this.#ledger.watch(connection);
    });
    const maxBuffered = this.#random.pick([2000, 100_000, 16 * 1024 * 1024]);
    const options = resolveOptions({ address: "@simulated", connectTimeoutMs: 1e9, maxBuffered, timeoutMs: 500 }, {});
    this.#core = new Core(this.#env, options);
    this.#bus = new Bus(this.#core);
    this.#isOpen = this.#isBlocked = false;
    this.#subs = [];
    this.#published = [];
    const { blocked } = this.#ledger;
    this.#bus
      .on("blocked", ({ topic }) => void blocked.set(topic, new Set()))
      .on("unblocked", ({ topic }) => void blocked.delete(topic))
      .on("disconnect", () => {
        this.#disconnects++;
        this.#published = [];
        blocked.clear();
      });
    if (this.#random.percent(50)) this.#bus.on("error", () => {});
    this.#env.enter(() => {
      // Too slow for the broker's patience: that is final, and the program starts anew.
      const failed = (error: Error): void => {
        if (!error.message.includes("handshakeMs"))
          this.#world.fail(new Violation(`bus ${plan.index}: ${error.message}`));
        this.#world.loop.in(50, Kind.CONNECT, plan.index, () => this.#begin());
      };
      this.#await("connect", this.#core.connect(undefined), () => this.#connected(), failed);
      // What is subscribed and published before there is a connection counts all the same.
      if (this.#random.percent(50)) this.#subscribeAll();
    });
  }

  #connected(): void {
    this.#isOpen = true;
    if (this.#subs.length === 0) this.#subscribeAll();
    this.#stepSoon();
  }

  #subscribeAll(): void {
    for (const sub of this.#plan.subs) this.#subscribe(sub);
    for (const { pattern, morePercent, errorPercent } of this.#plan.responds) {
      if (pattern !== this.#plan.responds[0]!.pattern) continue;
      this.#bus.respond(pattern, (request) => this.#answer(uidOf(request.data), morePercent, errorPercent), {
        concurrency: this.#random.pick([1, 3]),
      });
    }
  }

  #subscribe({ pattern, options }: SubPlan): void {
    if (this.#ledger.feeds.has(pattern)) return; // one of a pattern, so that it is known whose a message is
    const feed = new Feed(pattern, (error) => this.#world.fail(error));
    this.#ledger.feeds.set(pattern, feed);
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const isAcked = options["ack"] === true;
    const concurrency = this.#random.pick([1, 1, 3]);
    const isLoop = !isAcked && this.#random.percent(25);
    const transient = !isLoop && this.#plan.index % 2 === 0;
    const settings = { ...given, concurrency, transient } as SubscribeOptions;
    feed.isLoop = isLoop;
    feed.isAcked = isAcked;
    feed.isKeyed = !isLoop && concurrency > 1 && options["partitionBy"] !== undefined;
    feed.concurrency = concurrency;
    const sub = isLoop
      ? this.#bus.subscribe(pattern, settings)
      : this.#bus.subscribe(pattern, settings, (message) => this.#handle(feed, message, isAcked));
    this.#bus.on("gap", ({ subscription, lost }) => {
      if (subscription === sub && lost !== undefined && !isLoop) feed.given(GAP(lost));
    });
    const entry = {
      feed,
      isEnded: false,
      end: () => {
        feed.isEnding = true;
        return this.#random.percent(50) ? sub.unsubscribe() : sub.drain();
      },
    };
    this.#subs.push(entry);
    sub.closed.then(
      () => (entry.isEnded = true),
      () => (entry.isEnded = true),
    );
    if (isLoop) this.#await(`the loop over ${pattern}`, this.#loop(feed, sub), () => {});
    this.#await(`ready of ${pattern}`, sub.ready, () => {});
  }

  async #loop(feed: Feed, messages: AsyncIterable<Message<unknown>>): Promise<void> {
    for await (const message of messages) {
      this.#given(feed, message);
      if (!this.#isFinishing && this.#random.percent(20)) await this.#pause();
    }
  }

  #given(feed: Feed, message: Message<unknown>): number {
    const uid = uidOf(message.data ?? message.headers);
    if (uid >= 0) feed.given(uid);
    return uid;
  }

  // ── Handlers ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #handle(feed: Feed, message: Message<unknown>, isAcked: boolean): unknown {
    feed.called();
    const uid = this.#given(feed, message);
    const { nackPercent, rejectPercent, forgetPercent } = this.#plan.works;
    const { random } = { random: this.#random };
    const ledger = this.#ledger;
    const finish = (): void => {
      if (this.#isFinishing || !random.percent(nackPercent + rejectPercent)) {
        ledger.says(uid, 0);
        return;
      }
      const how = isAcked ? random.below(4) : 3;
      if (how < 2) {
        ledger.says(uid, 2);
        message.reject();
      } else if (how === 2) {
        message.retry(random.pick([0, 20]));
      } else {
        this.#world.faults.hit("handler-error");
        throw new Error("a handler failed");
      }
    };
    if (this.#isFinishing || random.percent(50)) return finish();
    const pauses = random.percent(forgetPercent) ? 20 : 1;
    const bytes = Buffer.from(message.bytes);
    return (async () => {
      this.#running++;
      feed.running++;
      try {
        for (let i = 0; i < pauses && !this.#isFinishing; i++) await this.#pause();
        if (!message.bytes.equals(bytes))
          this.#world.fail(new Violation(`${uid} was written over while it was handled`));
        finish();
      } finally {
        this.#running--;
        feed.running--;
      }
    })();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#env.after(this.#random.below(60), resolve));
  }

  #answer(uid: number, morePercent: number, errorPercent: number): unknown {
    if (this.#random.percent(errorPercent)) throw new Error("no answer");
    const answer = { u: uid };
    if (this.#random.percent(40)) return answer;
    if (!this.#random.percent(morePercent)) return this.#pause().then(() => answer);
    return this.#answerTwice(answer);
  }

  async *#answerTwice(answer: unknown): AsyncGenerator<unknown> {
    yield answer;
    await this.#pause();
    yield answer;
  }

  // ── Steps ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #stepSoon(): void {
    const core = this.#core;
    const { pauseMs, index } = this.#plan;
    this.#world.loop.in(this.#random.below(pauseMs * 8 + 1) / 8, Kind.STEP, index, () => {
      if (this.#core === core && !this.#isFinishing) this.#env.enter(() => this.#step());
    });
  }

  #step(): void {
    if (this.#steps-- <= 0) return;
    const { stallPercent, vanishPercent, resubPercent, byePercent, publishes, calls } = this.#plan;
    const { random } = { random: this.#random };
    if (random.percent(stallPercent) && this.#connection !== undefined) {
      this.#connection.stalledUntilMs = this.#world.loop.nowMs + random.below(300);
    }
    if (random.percent(vanishPercent)) this.#break();
    else if (random.percent(byePercent)) return this.#again();
    else if (random.percent(resubPercent) && this.#subs.length > 0) {
      const sub = random.pick(this.#subs);
      if (!sub.isEnded) this.#await("the end of a subscription", sub.end(), () => {});
    }
    if (publishes !== undefined && !(this.#isBlocked && publishes.obeys)) this.#publish(publishes);
    if (calls !== undefined) this.#call(random.pick(calls.topics), calls.timeoutMs);
    if (random.percent(10)) this.#flush();
    this.#stepSoon();
  }

  /** The connection breaks. */
  #break(): void {
    const connection = this.#connection;
    if (connection === undefined || connection.isClientClosed) return;
    this.#world.faults.hit("reset");
    connection.breakOff();
  }

  /** This bus ends, and another begins. */
  #again(): void {
    const bus = this.#bus;
    const isDrained = this.#random.percent(60);
    for (const { feed } of this.#subs) feed.isEnding = true;
    this.#isOpen = false;
    this.#await(isDrained ? "drain" : "close", isDrained ? bus.drain({ timeoutMs: 3000 }) : bus.close(), again, again);
    const world = this.#world;
    const begin = (): void => this.#begin();
    const { index } = this.#plan;
    function again(): void {
      world.loop.in(1, Kind.CONNECT, index, begin);
    }
  }

  #publish(plan: PublishPlan): void {
    const { random } = { random: this.#random };
    for (let i = random.between(1, Math.min(plan.burst, 12)); i > 0; i--) {
      const topic = random.pick(plan.topics);
      const uid = this.#world.nextUid();
      const isConfirmed = random.percent(plan.syncPercent / 2);
      const headers: Record<string, string | number> = {};
      if (plan.keys > 0) headers["key"] = `k${random.below(plan.keys)}`;
      if (plan.ids && !isConfirmed) headers["id"] = `id-${uid}`;
      const retain = random.percent(plan.retainPercent);
      this.#ledger.blocked.get(topic)?.add(uid);
      if (isConfirmed) this.#confirm(topic, uid, retain, headers);
      else if (!this.#send(topic, uid, plan, retain, headers)) return;
    }
  }

  #send(
    topic: string,
    uid: number,
    plan: PublishPlan,
    retain: boolean,
    headers: Record<string, string | number>,
  ): boolean {
    const data = dataOf(uid, plan.form, plan.bytes > 64 ? this.#random.below(plan.bytes) : plan.bytes);
    try {
      const waiting = this.#bus.publish(topic, data, { retain, headers });
      this.#published.push(uid);
      if (waiting === undefined) return true;
      this.#isBlocked = true;
      const freed = (): void => {
        this.#isBlocked = false;
      };
      this.#await("room for a publish", waiting as Promise<void>, freed, freed);
      return !plan.obeys;
    } catch (error) {
      if (error instanceof PodbusError && error.code === "limit") return false;
      throw error;
    }
  }

  #confirm(topic: string, uid: number, retain: boolean, headers: Record<string, string | number>): void {
    const ledger = this.#ledger;
    ledger.confirmed.add(uid);
    const confirmation = this.#bus.publish(topic, { u: uid }, { confirm: true, retain, headers });
    this.#await(`the confirmation of ${uid}`, confirmation, (receivers) => {
      if (!ledger.arrived.has(uid))
        throw new Violation(`bus ${ledger.index}: ${uid} is confirmed, and no broker has read it`);
      ledger.isConfirmed(uid, this.#connection);
      if (receivers < 0) throw new Violation(`bus ${ledger.index}: ${uid} has ${receivers} receivers`);
    });
  }

  #flush(): void {
    const ledger = this.#ledger;
    const before = this.#published;
    const disconnects = this.#disconnects;
    this.#published = [];
    this.#await("flush", this.#bus.flush(), () => {
      if (this.#disconnects !== disconnects) return;
      const missing = before.find((uid) => !ledger.arrived.has(uid));
      if (missing !== undefined)
        throw new Violation(`bus ${ledger.index}: flush() is done, and no broker has read ${missing}`);
    });
  }

  #call(topic: string | undefined, timeoutMs: number): void {
    if (topic === undefined || topic.startsWith("$")) return;
    const uid = this.#world.nextUid();
    const bus = this.#plan.index;
    // Whoever never answers would leave it open for ever.
    const options = { timeoutMs: timeoutMs === 0 ? 5000 : timeoutMs };
    this.#await(`an answer to ${uid}`, this.#bus.request(topic, { u: uid }, options), (answer) => {
      const of = uidOf(answer);
      if (of !== uid && answer !== "once more")
        throw new Violation(`bus ${bus}: request ${uid} got the answer to ${of}`);
    });
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────────────────

  finish(): void {
    this.#isFinishing = true;
    this.#connection?.wake();
    if (this.#isOpen) this.#env.enter(() => this.#flush());
  }

  wake(): void {
    // Loops wait for more as long as their subscriptions live.
    this.#env?.enter(() => {
      for (const sub of this.#subs) {
        if (!sub.isEnded && this.#isLooped) this.#await("the end of a subscription", sub.end(), () => {});
      }
    });
  }

  get #isLooped(): boolean {
    return [...this.#open.values()].some((what) => what.startsWith("the loop"));
  }

  leave(): void {
    this.#isGone = true;
    for (const { feed } of this.#subs) feed.isEnding = true;
    this.#env?.enter(() => this.#await("close", this.#bus.close(), () => {}));
  }

  /** All that came was given to a handler. */
  check(): void {
    const connection = this.#connection;
    if (connection === undefined || connection.isClientClosed || connection.isBrokerClosed) return;
    for (const { feed, isEnded } of this.#subs) if (!isEnded) feed.checkGiven(connection);
  }

  /** It is over, and nothing that was awaited is left. */
  checkSettled(): void {
    for (const what of this.#open.values()) throw new Violation(`bus ${this.#plan.index}: ${what} never settled`);
  }
}

function dataOf(uid: number, form: number, bytes: number): unknown {
  if (form === 0) return uid;
  if (form === 1) return `u${uid} `.padEnd(bytes, "x");
  if (form === 2) return { u: uid };
  const payload = Buffer.alloc(Math.max(4, bytes), uid & 0xff);
  payload.writeUInt32BE(uid, 0);
  return payload;
}

function uidOf(data: unknown): number {
  if (typeof data === "number") return data;
  if (typeof data === "string") return data.startsWith("u") ? Number.parseInt(data.slice(1), 10) : -1;
  if (data instanceof Uint8Array) return data.length >= 4 ? Buffer.from(data).readUInt32BE(0) : -1;
  const uid = (data as { u?: unknown } | null)?.u;
  return typeof uid === "number" ? uid : -1;
}

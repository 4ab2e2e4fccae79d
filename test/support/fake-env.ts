// The client's environment in a test's hands: a clock that moves when the test says so, and a broker's end of the connection on which
// the test speaks and listens, byte for byte. No socket, no real time.

import { Bus } from "../../client/bus.ts";
import { Core } from "../../client/core.ts";
import type { Env } from "../../client/env.ts";
import { type ConnectOptions, resolveOptions } from "../../client/options.ts";
import type { Claim } from "../../client/proof.ts";
import type { Transport, TransportSink } from "../../client/transport.ts";
import { type Decoded, decodeFirst, type Element, type Elements, ext1, frame } from "./msgpack.ts";
import { Op } from "./raw-client.ts";

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

export class FakeEnv implements Env {
  now = 0;
  /** Connections that were made, the latest last. */
  readonly brokers: FakeBroker[] = [];
  readonly warnings: string[] = [];
  /** What `dial` rejects with instead of connecting. */
  refusal: Error | undefined;
  secret: Buffer | undefined;
  readonly nonce: Buffer = Buffer.alloc(16, 5);
  /** What `random` gives. */
  chance = 0.5;
  #timers: Timer[] = [];
  #ids = 0;

  get broker(): FakeBroker {
    return this.brokers.at(-1)!;
  }

  get timers(): number {
    return this.#timers.length;
  }

  nowMs(): number {
    return this.now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.now + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  atTurnEnd(run: () => void): void {
    process.nextTick(run);
  }

  nextTurn(run: () => void): void {
    setImmediate(run);
  }

  random(): number {
    return this.chance;
  }

  uniqueId(): string {
    return `id-${this.#ids++}`;
  }

  claim(): Claim {
    return { secret: this.secret, nonce: this.nonce, address: "@podbus" };
  }

  dial(sink: TransportSink): Promise<Transport> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    const broker = new FakeBroker(sink);
    this.brokers.push(broker);
    return Promise.resolve(broker);
  }

  warn(message: string): void {
    this.warnings.push(message);
  }

  /** Lets time pass: what is due is run in order, and what follows from it at once. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    await settle();
    for (;;) {
      const due = this.#timers.filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.now = Math.max(this.now, due.atMs);
      due.run();
      await settle();
    }
    this.now = until;
  }
}

/** Lets everything happen that needs no time. */
export async function settle(turns = 4): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}

export const GREETING = { broker: "b-1", auth: "none", maxFrame: 65_536, heartbeatMs: 1000, stallMs: 4000, client: 7 };

export class FakeBroker implements Transport {
  readonly #sink: TransportSink;
  #rest: Buffer = Buffer.alloc(0);
  #untaken: Buffer[] = [];
  /** Bytes that are taken before a write is left waiting. */
  capacity: number = Infinity;
  /** Writes as they were made. */
  readonly writes: number[] = [];
  isEnded = false;
  isDestroyed = false;

  constructor(sink: TransportSink) {
    this.#sink = sink;
  }

  // The client's side.

  write(ranges: readonly Buffer[]): boolean {
    const bytes = ranges.reduce((sum, { length }) => sum + length, 0);
    if (this.#untaken.length > 0) throw new Error("a write while another is under way");
    if (this.isEnded || this.isDestroyed) throw new Error("a write after the end");
    this.writes.push(bytes);
    if (bytes <= this.capacity) {
      this.capacity -= bytes;
      this.#rest = Buffer.concat([this.#rest, ...ranges]);
      return true;
    }
    this.#untaken = [...ranges];
    return false;
  }

  untakenBytes(): number {
    return this.#untaken.reduce((sum, { length }) => sum + length, 0);
  }

  /** A broker ends its side too. */
  end(): void {
    this.isEnded = true;
    setImmediate(() => this.hangUp());
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  // The test's side.

  /** Takes a write that was left waiting, and as many bytes more. */
  take(capacity: number = Infinity): void {
    this.capacity = capacity;
    if (this.#untaken.length === 0) return;
    this.#rest = Buffer.concat([this.#rest, ...this.#untaken]);
    this.#untaken = [];
    this.#sink.written();
  }

  /** The bytes that came and were not read as frames. */
  bytes(): Buffer {
    const bytes = this.#rest;
    this.#rest = Buffer.alloc(0);
    return bytes;
  }

  /** The frames that came since the last call. */
  frames(): Element[][] {
    const frames: Element[][] = [];
    for (let next: Decoded | undefined = decodeFirst(this.#rest); next !== undefined; next = decodeFirst(this.#rest)) {
      frames.push(next.elements);
      this.#rest = this.#rest.subarray(next.bytes.length);
    }
    return frames;
  }

  /** Those that come once nothing more is about to happen. */
  async came(): Promise<Element[][]> {
    await settle();
    return this.frames();
  }

  say(...elements: Elements): void {
    this.sayBytes(frame(...elements));
  }

  sayAll(...frames: Elements[]): void {
    this.sayBytes(Buffer.concat(frames.map((elements) => frame(...elements))));
  }

  sayBytes(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.isDestroyed;) {
      const copied = bytes.copy(this.#sink.room(), 0, at);
      at += copied;
      this.#sink.filled(copied);
    }
  }

  /** Answers each SYNC that came, with `deliveries`; returns the frames that came. */
  async confirm(deliveries = 1): Promise<Element[][]> {
    const frames = await this.came();
    for (const [op, id] of frames) if (op === Op.SYNC) this.say(Op.OK, id!, deliveries);
    await settle();
    return frames;
  }

  /** Ends the stream. */
  hangUp(reason = "the test hung up"): void {
    if (!this.isDestroyed) this.#sink.ended(reason);
  }

  /** Plays a broker's part of the opening, and swallows the client's. */
  async open(greeting: Record<string, Element> = GREETING): Promise<void> {
    this.say(Op.HELLO, 1, ext1(greeting));
    await settle();
    this.frames();
    this.say(Op.OK, 0);
    await settle();
  }
}

export interface FakeBus {
  readonly env: FakeEnv;
  readonly bus: Bus;
  readonly core: Core;
  /** The connection that is there. */
  readonly broker: FakeBroker;
}

export function coreOf(env: FakeEnv, options: ConnectOptions = {}): Core {
  return new Core(env, resolveOptions({ address: "@fake", ...options }, {}));
}

/** A bus that is connected to a fake broker. */
export async function openBus(
  options: ConnectOptions = {},
  greeting: Record<string, Element> = GREETING,
): Promise<FakeBus> {
  const env = new FakeEnv();
  const core = coreOf(env, options);
  const connected = core.connect(undefined);
  await settle();
  await env.broker.open(greeting);
  await connected;
  await settle();
  return {
    env,
    core,
    bus: new Bus(core),
    get broker() {
      return env.broker;
    },
  };
}

/** Cuts the connection, and connects anew. */
export async function reconnect({ env }: FakeBus): Promise<void> {
  env.broker.hangUp();
  await env.pass(2000);
  await env.broker.open({ ...GREETING, client: 8 });
}

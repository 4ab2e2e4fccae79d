// The way out for publishes: straight into the batch while there is room and the topic is not held, else into the backlog or the
// topic's hold, in order. Owns flow control (XOFF, XON, the bound on what is kept), confirmations, and flush. It knows no socket
// and no subscription. Cost: where nothing is blocked, one look at the last topic and the encoding; no promise, no closure.
//
//   publish ── room, topic free ─────────────────────────> batch
//      └──> backlog ── room, in order ──┬── topic free ──> batch
//              ^                        └── topic held ──> hold.queue
//              └───────────────── XON ─────────────────────────┘

import type { Headers } from "../shared/codec/value.ts";
import { FrameWriter } from "../shared/codec/write.ts";
import { PodbusError } from "../shared/errors.ts";
import { DEFAULT_MAX_FRAME_BYTES, Op } from "../shared/protocol.ts";
import { Pieces, RUN_OVERHEAD_BYTES, type Run, runBytes } from "./backlog.ts";
import type { Batch } from "./batch.ts";
import type { Confirm } from "./confirm.ts";
import { Deque } from "./deque.ts";
import { encodePublish } from "./encode.ts";
import type { Env } from "./env.ts";
import { Hold } from "./hold.ts";
import { Later } from "./later.ts";
import type { Emptying } from "./own-holds.ts";
import type { Barrier, Syncs } from "./syncs.ts";
import { beyondTolerance, MAX_HELD_TOPICS } from "./tolerance.ts";
import { type Topic, TopicTable } from "./topic-table.ts";

/** After so many publishes that no SYNC covers, one is sent, so that what a broken connection leaves in doubt is bounded. */
const MAX_UNCOVERED = 4096;
/** Frames above this are sent from the backlog without another copy. */
const APPEND_BYTES = 16 * 1024;
/** See {@link Publisher.#rescue}. */
const RESCUE_MS = 250;
const RESCUE_BYTES = 1024 * 1024;

export interface PublisherHooks {
  /** Asked for a topic in XOFF, with the broker's words for what holds it up. */
  emptying(topic: string, why: string | undefined): Emptying;
  blocked(topic: string, why: string | undefined): void;
  unblocked(topic: string): void;
  /** A publish was refused, and nobody awaits its confirmation. */
  refused(error: PodbusError, topic: string): void;
}

/** A flush that waits until what was kept before it has been written. */
interface Gate {
  readonly after: number;
  readonly barrier: Barrier;
}

export class Publisher {
  readonly #env: Env;
  readonly #batch: Batch;
  readonly #syncs: Syncs;
  readonly #hooks: PublisherHooks;
  readonly #maxBuffered: number;
  readonly #topics = new TopicTable();
  readonly #held = new Map<string, Topic>();
  readonly #backlog = new Deque<Run>();
  readonly #pieces = new Pieces();
  readonly #scratch = new FrameWriter(0);
  #lastName: string | undefined;
  #last: Topic | undefined;
  /** Connected, nothing waits, and there is room: publishes go straight into the batch. */
  #direct = false;
  #connected = false;
  /** There is a connection to write to, though it may take no publishes any more. */
  #attached = false;
  #closed: PodbusError | undefined;
  #bufferedBytes = 0;
  #room: Later | undefined;
  #gates: Gate[] = [];
  #maxFrame: number = DEFAULT_MAX_FRAME_BYTES;

  constructor(env: Env, batch: Batch, syncs: Syncs, hooks: PublisherHooks, maxBuffered: number) {
    this.#env = env;
    this.#batch = batch;
    this.#syncs = syncs;
    this.#hooks = hooks;
    this.#maxBuffered = maxBuffered;
  }

  /** Bytes of publishes that are kept here: waiting, or waiting for their confirmation. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /**
   * Undefined where there was room. Otherwise a promise that resolves once there is; the publish is kept all the same.
   * @throws PodbusError `bad_topic`, `not_allowed`, `bad_payload`, `too_large`, `limit`, `closed`
   */
  publish(name: string, data: unknown, op: number = Op.PUB, headers?: Headers): void | Promise<void> {
    const topic = name === this.#lastName ? this.#last! : this.#look(name);
    if (!this.#direct || topic.hold !== undefined) return this.#publishLater(topic, op, data, headers);
    const w = this.#batch.writer;
    const start = w.length;
    encodePublish(w, op, topic, data, headers);
    if (w.length - start > this.#maxFrame) {
      const error = this.#tooLarge(topic, w.length - start);
      w.length = start;
      throw error;
    }
    this.#syncs.published++;
    return this.#batch.touched() ? this.#afterWrite() : undefined;
  }

  /** Resolves with the number of receivers. Sent again after a broken connection, until it is answered. */
  publishConfirmed(name: string, data: unknown, op: number, headers: Headers): Promise<number> {
    return new Promise((resolve, reject) => {
      const topic = this.#look(name);
      const frame = Buffer.from(this.#encode(topic, op, data, headers));
      const bytes = frame.length + RUN_OVERHEAD_BYTES;
      this.#charge(bytes);
      const settled = <T>(then: (value: T) => void): ((value: T) => void) => {
        return (value) => {
          this.#bufferedBytes -= bytes;
          then(value);
        };
      };
      const confirm: Confirm = { topic, frame, refusal: undefined, resolve: settled(resolve), reject: settled(reject) };
      const exempt = this.#isExempt(topic);
      if (this.#direct && (topic.hold === undefined || exempt)) {
        this.#syncs.writeConfirm(this.#batch.writer, confirm);
        if (this.#batch.touched()) void this.#afterWrite();
      } else {
        const first = ++this.#pieces.number;
        const run = { topic, buf: frame, start: 0, end: frame.length, count: 1, first, exempt, confirm };
        this.#queueOf(topic, exempt).push(run);
      }
    });
  }

  /** Resolves once the broker has acted upon all that was published before. */
  flush(): Promise<void> {
    const later = new Later();
    const barrier: Barrier = { covers: true, resolve: later.resolve, reject: later.reject };
    if (this.#closed !== undefined) {
      later.reject(this.#closed);
    } else if (this.#outstanding() === Infinity) {
      // While away, all that was ever published has been confirmed, or said to be in doubt.
      if (this.#attached) this.#sync(barrier);
      else later.resolve();
    } else {
      this.#gates.push({ after: this.#pieces.number, barrier });
    }
    return later.promise;
  }

  /** A SYNC with nothing to wait for. */
  syncNow(): void {
    if (this.#attached && this.#syncs.pending === 0 && this.#syncs.unconfirmed > 0) this.#sync();
  }

  /** Resolves once there is room; undefined where there is, or no connection. For those who write other things than publishes. */
  room(): Promise<void> | undefined {
    if (!this.#attached || this.#batch.mayGo) return undefined;
    this.#direct = false;
    return this.#waitForRoom();
  }

  /** XOFF. */
  hold(name: string, why: string | undefined): void {
    const topic = this.#look(name);
    if (topic.hold !== undefined) return;
    if (this.#held.size >= MAX_HELD_TOPICS) throw beyondTolerance(`it holds ${MAX_HELD_TOPICS} topics at once`);
    topic.hold = new Hold(why);
    this.#held.set(name, topic);
    this.#hooks.blocked(name, why);
  }

  /** XON. */
  release(name: string): void {
    const topic = this.#held.get(name);
    if (topic === undefined) return;
    this.#unhold(topic);
    const runs = topic.hold!.queue.clear();
    const { over } = topic.hold!;
    topic.hold = undefined;
    if (runs.length > 0) {
      this.#backlog.unshift(runs);
      this.#direct = false;
    }
    this.pump();
    over.resolve();
  }

  /** `ERR nil …` with a topic. */
  refused(name: string, error: PodbusError): void {
    if (!this.#syncs.refused(name, error)) this.#hooks.refused(error, name);
  }

  /** The connection is open, and everything that comes before publishes has been written. */
  attach(maxFrame: number): void {
    this.#maxFrame = maxFrame;
    this.#connected = this.#attached = true;
    this.pump();
  }

  /** From now on publishes are kept: the broker is about to end. What was written stays as it is. */
  pause(): void {
    this.#connected = false;
    this.#direct = false;
  }

  /**
   * The connection is gone. What was not written stays, confirmed publishes among it in front; returns how many others were written
   * and not confirmed, and the barriers that are to be written again.
   */
  detach(error: PodbusError): { unconfirmed: number; barriers: Barrier[] } {
    this.#connected = this.#attached = this.#direct = false;
    const { unconfirmed } = this.#syncs;
    const { confirms, barriers } = this.#syncs.reset();
    const runs: Run[] = [];
    for (const topic of this.#held.values()) {
      runs.push(...topic.hold!.queue.clear());
      const { over } = topic.hold!;
      this.#unhold(topic);
      topic.hold = undefined;
      over.resolve();
    }
    runs.sort((a, b) => a.first - b.first);
    const again = confirms.map((confirm): Run => {
      confirm.refusal = undefined;
      const { topic, frame } = confirm;
      return { topic, buf: frame, start: 0, end: frame.length, count: 1, first: 0, exempt: false, confirm };
    });
    this.#backlog.unshift([...again, ...runs]);
    const left: Barrier[] = [];
    for (const barrier of barriers) {
      if (!barrier.covers) left.push(barrier);
      else if (unconfirmed > 0) barrier.reject(error);
      else this.#gates.push({ after: this.#pieces.number, barrier });
    }
    this.pump();
    return { unconfirmed, barriers: left };
  }

  /** Nothing more is taken. Returns how many publishes were kept and are dropped. */
  close(error: PodbusError): number {
    this.#closed = error;
    this.#connected = this.#attached = this.#direct = false;
    let dropped = 0;
    const { confirms, barriers } = this.#syncs.reset();
    const queues = [this.#backlog, ...[...this.#held.values()].map((topic) => topic.hold!.queue)];
    for (const queue of queues) {
      for (const run of queue.clear()) {
        dropped += run.count;
        run.confirm?.reject(error);
      }
    }
    for (const confirm of confirms) confirm.reject(error);
    for (const barrier of barriers) barrier.reject(error);
    for (const { barrier } of this.#gates) barrier.reject(error);
    this.#gates = [];
    for (const topic of this.#held.values()) {
      topic.hold!.rescue?.();
      topic.hold!.over.reject(error);
    }
    this.#room?.reject(error);
    this.#room = undefined;
    this.#bufferedBytes = 0;
    return dropped;
  }

  /** Right before a write. */
  beforeWrite(): void {
    if (this.#connected && this.#syncs.uncovered >= MAX_UNCOVERED) this.#syncs.write(this.#batch.writer);
  }

  /** Writes what is kept, as far as there is room; then publishes may go straight on. */
  pump(): void {
    const batch = this.#batch;
    while (this.#connected && batch.mayGo) {
      const run = this.#backlog.shift();
      if (run === undefined) {
        this.#direct = true;
        break;
      }
      const { hold } = run.topic;
      if (hold !== undefined && !run.exempt) hold.queue.push(run);
      else this.#write(run);
    }
    this.#openGates();
    if (this.#direct || (!this.#connected && this.#bufferedBytes < this.#maxBuffered)) {
      this.#room?.resolve();
      this.#room = undefined;
    }
  }

  #look(name: string): Topic {
    if (this.#closed !== undefined) throw this.#closed;
    const topic = this.#topics.get(name);
    this.#lastName = name;
    this.#last = topic;
    return topic;
  }

  #publishLater(topic: Topic, op: number, data: unknown, headers: Headers | undefined): void | Promise<void> {
    if (this.#closed !== undefined) throw this.#closed;
    const frame = this.#encode(topic, op, data, headers);
    const exempt = this.#isExempt(topic);
    if (exempt && this.#direct) {
      this.#batch.writer.raw(frame);
      this.#syncs.published++;
      return this.#batch.touched() ? this.#afterWrite() : undefined;
    }
    this.#charge(0, frame.length);
    this.#bufferedBytes += this.#pieces.add(this.#queueOf(topic, exempt), frame, topic, { exempt });
    if (topic.hold !== undefined && !exempt) return topic.hold.over.promise;
    if (this.#connected || this.#bufferedBytes >= this.#maxBuffered) return this.#waitForRoom();
    return undefined;
  }

  /** In the scratch buffer: valid until the next call. */
  #encode(topic: Topic, op: number, data: unknown, headers: Headers | undefined): Buffer {
    const w = this.#scratch.reset();
    encodePublish(w, op, topic, data, headers);
    if (w.length > this.#maxFrame) throw this.#tooLarge(topic, w.length);
    return w.bytes();
  }

  #tooLarge(topic: Topic, bytes: number): PodbusError {
    const limit = `the broker takes frames of at most ${this.#maxFrame} bytes (maxFrame)`;
    return new PodbusError("too_large", `${limit}, but this one to ${topic.name} has ${bytes}; send it in parts`);
  }

  /** Charges `bytes`, and refuses where they, or `more` that are charged later, are too many. */
  #charge(bytes: number, more = 0): void {
    const limit = 2 * this.#maxBuffered;
    if (this.#bufferedBytes + bytes + more > limit) {
      const message = `${this.#bufferedBytes} bytes were published and can't be sent yet, and ${limit}, twice maxBuffered, is the most that is kept; await publish()`;
      throw new PodbusError("limit", message);
    }
    this.#bufferedBytes += bytes;
  }

  /** Behind what waits already, whatever its topic: else a topic's publishes could pass each other. */
  #queueOf(topic: Topic, exempt: boolean): Deque<Run> {
    return this.#backlog.length === 0 && topic.hold !== undefined && !exempt ? topic.hold.queue : this.#backlog;
  }

  #isExempt(topic: Topic): boolean {
    const { hold } = topic;
    if (hold === undefined) return false;
    const emptying = this.#hooks.emptying(topic.name, hold.why);
    if (emptying === "unknown") this.#rescueSoon(topic, hold);
    return emptying === "yes";
  }

  #rescueSoon(topic: Topic, hold: Hold): void {
    if (hold.rescue !== undefined) return;
    hold.rescue = this.#env.after(RESCUE_MS, () => this.#rescue(topic, hold));
  }

  /**
   * What holds the topic up is emptied by a handler of ours that began before we could know what it publishes. If it is the one that
   * waits here it waits for itself: let some of it go. The broker takes that much beyond what is full.
   */
  #rescue(topic: Topic, hold: Hold): void {
    hold.rescue = undefined;
    if (topic.hold !== hold || !this.#connected || this.#hooks.emptying(topic.name, hold.why) !== "unknown") return;
    let bytes = 0;
    for (let run = hold.queue.peek(); run !== undefined && bytes < RESCUE_BYTES; run = hold.queue.peek()) {
      bytes += runBytes(run);
      this.#write(hold.queue.shift()!);
    }
    this.#openGates();
    const { over } = hold;
    hold.over = new Later();
    over.resolve();
  }

  #unhold(topic: Topic): void {
    topic.hold!.rescue?.();
    this.#held.delete(topic.name);
    this.#hooks.unblocked(topic.name);
  }

  #write(run: Run): void {
    const { confirm, start, end } = run;
    const batch = this.#batch;
    if (run.count === 1 && end - start > this.#maxFrame) {
      // It was kept for a broker that took larger frames.
      const error = this.#tooLarge(run.topic, end - start);
      if (confirm === undefined) this.#bufferedBytes -= runBytes(run);
      if (confirm === undefined) this.#hooks.refused(error, run.topic.name);
      else confirm.reject(error);
      return;
    }
    if (confirm !== undefined) {
      this.#syncs.writeConfirm(batch.writer, confirm);
      batch.touched();
      return;
    }
    this.#bufferedBytes -= runBytes(run);
    this.#syncs.published += run.count;
    const bytes = run.buf.subarray(start, end);
    if (bytes.length >= APPEND_BYTES) {
      batch.append(bytes);
    } else {
      batch.writer.raw(bytes);
      batch.touched();
    }
  }

  #afterWrite(): void | Promise<void> {
    if (this.#batch.mayGo) return undefined;
    this.#direct = false;
    return this.#waitForRoom();
  }

  #waitForRoom(): Promise<void> {
    this.#room ??= new Later();
    return this.#room.promise;
  }

  #sync(barrier?: Barrier): void {
    this.#syncs.write(this.#batch.writer, barrier);
    this.#batch.touched();
  }

  /**
   * The number of the first publish that is kept and was not written; Infinity where none is. It may be anywhere in the backlog: what a
   * topic kept goes in front at its XON.
   */
  #outstanding(): number {
    let first = Infinity;
    for (const run of this.#backlog) first = Math.min(first, run.first);
    for (const topic of this.#held.values()) first = Math.min(first, topic.hold!.queue.peek()?.first ?? Infinity);
    return first;
  }

  #openGates(): void {
    if (this.#gates.length === 0 || !this.#connected) return;
    const first = this.#outstanding();
    const open = this.#gates.filter(({ after }) => after < first);
    if (open.length === 0) return;
    this.#gates = this.#gates.filter(({ after }) => after >= first);
    for (const { barrier } of open) this.#sync(barrier);
  }
}

// The client behind the façade: puts the parts together, gives each what comes for it, and carries them over from one connection to
// the next. It has no frame, queue or socket of its own.

import { EventEmitter } from "eventemitter3";

import type { Frame } from "../shared/codec/scan.ts";
import type { FrameWriter } from "../shared/codec/write.ts";
import { PodbusError } from "../shared/errors.ts";
import { DEFAULT_STALL_MS, Op } from "../shared/protocol.ts";
import { orAbort } from "./abort.ts";
import { Acks } from "./acks.ts";
import { Answers } from "./answers.ts";
import { Batch } from "./batch.ts";
import { Calls, type CallsHost } from "./calls.ts";
import type { Content } from "./content.ts";
import { badFrame } from "./elements.ts";
import type { Env } from "./env.ts";
import type { BusEvent, EventOf } from "./events.ts";
import type { Greeting } from "./greeting.ts";
import { Gap } from "./inbox.ts";
import { HandlerScope } from "./handler-scope.ts";
import { Keeper } from "./keeper.ts";
import { Later } from "./later.ts";
import { Numbers } from "./numbers.ts";
import type { ResolvedOptions } from "./options.ts";
import { OwnHolds } from "./own-holds.ts";
import { Publisher, type PublisherHooks } from "./publisher.ts";
import { Request } from "./request-message.ts";
import type { ResponderHost } from "./responder.ts";
import { Session, type SessionOwner } from "./session.ts";
import type { Subscriber } from "./subscriber.ts";
import type { SubscriptionHost } from "./subscription.ts";
import { type Barrier, Syncs } from "./syncs.ts";
import { beyondTolerance, MAX_PONG_BYTES, MAX_UNTAKEN_BYTES } from "./tolerance.ts";
import { messageOf } from "./thrown.ts";
import type { Transport } from "./transport.ts";

/** How often a client that was told BYE looks whether it has finished. */
const FINISH_LOOK_MS = 10;
/** How long nothing must come of a queue for it to be taken to be empty. */
const QUEUE_QUIET_MS = 100;
/** How long `close()` lets what was written go out. */
const CLOSE_MS = 1_000;
/** Warnings of different kinds: a handler that fails with every message must not flood standard error. */
const MAX_WARNINGS = 20;
/** How long the broker may take to answer our BYE. */
const BYE_MS = 5_000;

export class Core implements SessionOwner, SubscriptionHost, ResponderHost, CallsHost {
  readonly env: Env;
  readonly options: ResolvedOptions;
  readonly emitter: EventEmitter = new EventEmitter();
  readonly scope: HandlerScope = new HandlerScope();
  readonly numbers: Numbers;
  readonly acks: Acks;
  readonly publisher: Publisher;
  readonly calls: Calls;
  readonly #answers: Answers;
  readonly #batch: Batch;
  readonly #syncs: Syncs;
  readonly #keeper: Keeper;
  readonly #subscribers = new Set<Subscriber>();
  readonly #bySid = new Map<number, Subscriber>();
  readonly #closed = new Later<PodbusError | undefined>();
  /** SYNCs that wait for a connection. */
  #barriers: Barrier[] = [];
  #session: Session | undefined;
  #greeting: Greeting | undefined;
  /** `finishing`: the broker said BYE. */
  #state: "connecting" | "open" | "finishing" | "away" | "closed" = "connecting";
  #isDraining = false;
  #saidBye = false;
  /** Whether the connection's end is the last step of {@link drain}: nobody is told that it was lost. */
  #isEnding = false;
  #lostMs = 0;
  /** Resolves when the session that is there has ended. */
  #sessionOver = new Later();
  #allWritten: Later | undefined;
  #unheard: PodbusError | undefined;
  readonly #warned = new Set<string>();

  constructor(env: Env, options: ResolvedOptions) {
    this.env = env;
    this.options = options;
    this.numbers = new Numbers((n) => this.#syncs.has(n) || this.calls.has(n) || this.#bySid.has(n));
    this.#syncs = new Syncs(this.numbers);
    this.#batch = new Batch(env, {
      beforeWrite: () => {
        this.acks.flush();
        this.publisher.beforeWrite();
      },
      room: () => this.publisher.pump(),
    });
    this.acks = new Acks(this);
    this.publisher = new Publisher(env, this.#batch, this.#syncs, this.#flowHooks(), options.maxBuffered);
    this.calls = new Calls(this);
    this.#answers = new Answers(this);
    this.#keeper = new Keeper(env, options.address, {
      session: () => {
        this.#session = new Session(env, this, options, env.claim());
        return this.#session;
      },
      refused: (error) => this.emit({ type: "error", where: "connection", error }),
    });
  }

  // What the parts ask for.

  get writer(): FrameWriter {
    return this.#batch.writer;
  }

  touched(): boolean {
    return this.#batch.touched();
  }

  write(): void {
    this.#batch.flush();
  }

  nowMs(): number {
    return this.env.nowMs();
  }

  get stallMs(): number {
    return this.#greeting?.stallMs ?? DEFAULT_STALL_MS;
  }

  get maxBuffered(): number {
    return this.options.maxBuffered;
  }

  get greeting(): Greeting | undefined {
    return this.#greeting;
  }

  get closed(): Promise<PodbusError | undefined> {
    return this.#closed.promise;
  }

  nextNumber(): number {
    return this.numbers.next();
  }

  barrier(barrier: Barrier): void {
    if (this.#state === "closed") {
      barrier.reject(closedError());
    } else if (this.#state === "open" || this.#state === "finishing") {
      this.#syncs.write(this.writer, barrier);
      this.touched();
    } else {
      this.#barriers.push(barrier);
    }
  }

  /** @throws PodbusError `closed` */
  add(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    if (this.#state === "open") this.#attach(subscriber);
  }

  /** @throws PodbusError `closed`, also while draining */
  checkOpen(): void {
    if (this.#state === "closed" || this.#isDraining) throw closedError();
  }

  forget(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    this.#bySid.delete(subscriber.sid);
    this.#session?.forget(subscriber.sid);
  }

  reply(request: Request, status: number, payload: unknown): void {
    this.#answers.reply(request, status, payload);
  }

  room(): Promise<void> | undefined {
    return this.publisher.room();
  }

  answered(request: Request): void {
    this.#answers.answered(request);
  }

  emit(event: BusEvent): void {
    if (event.type === "error" && this.emitter.listenerCount("error") === 0) {
      this.#unheardError(event);
      return;
    }
    try {
      this.emitter.emit(event.type, event);
    } catch (error) {
      // A listener that throws is its author's to hear of, as with any emitter, and must not end a connection.
      this.env.nextTurn(() => {
        throw error;
      });
    }
  }

  // What the façade asks for.

  async connect(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#keeper.connect(this.options.connectTimeoutMs, signal);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.env.nextTurn(() => {
      if (this.#state === "closed") return;
      this.emit({ type: "connect", address: this.options.address.text, client: this.#client });
    });
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await orAbort(this.publisher.flush(), signal, "flush()");
    const error = this.#unheard;
    this.#unheard = undefined;
    if (error !== undefined) throw error;
  }

  /** Finishes what was taken, and closes. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const subscribers = [...this.#subscribers];
    let failure: unknown;
    try {
      await Promise.all(subscribers.map((subscriber) => subscriber.drain(true)));
      await this.calls.idle();
      await this.flush();
    } catch (error) {
      if (this.#state !== "closed") failure = error;
    }
    const isOpen = this.#state === "open" || this.#state === "finishing";
    // With something unsettled the broker would wait for it: then the end of the stream is what returns it.
    if (isOpen && !subscribers.some(({ hasUnsettled }) => hasUnsettled)) {
      this.#isEnding = true;
      this.#keeper.close();
      this.#sayBye();
      await this.#within(this.#sessionOver.promise, BYE_MS);
    }
    await this.close();
    if (failure !== undefined) throw failure;
  }

  /** What was written goes out; everything else ends now. `error` is why, where its owner did not want it. */
  async close(error?: PodbusError): Promise<void> {
    if (this.#state === "closed") {
      await this.#closed.promise;
      return;
    }
    const wasOpen = this.#state === "open" || this.#state === "finishing";
    this.#state = "closed";
    this.#keeper.close();
    const why = error ?? closedError();
    this.publisher.close(why);
    this.calls.close(why);
    this.#answers.detach();
    for (const barrier of this.#barriers) barrier.reject(why);
    this.#barriers = [];
    for (const subscriber of this.#subscribers) subscriber.fail(error);
    this.scope.untrack();
    if (wasOpen) await this.#within(this.#endSession(), CLOSE_MS);
    this.#session?.fail(why);
    this.#batch.detach();
    this.emit(error === undefined ? { type: "close" } : { type: "close", error });
    this.#closed.resolve(error);
  }

  // What the session tells.

  opened(greeting: Greeting, transport: Transport): void {
    const isFirst = this.#greeting === undefined;
    this.#greeting = greeting;
    this.#state = "open";
    this.#saidBye = false;
    this.#sessionOver = new Later();
    this.#batch.attach(transport);
    for (const subscriber of this.#subscribers) this.#attach(subscriber);
    this.#answers.attach(greeting.maxFrame);
    this.calls.attach(greeting.maxFrame);
    const barriers = this.#barriers;
    this.#barriers = [];
    for (const barrier of barriers) this.barrier(barrier);
    this.publisher.attach(greeting.maxFrame);
    this.#keeper.opened();
    if (isFirst) return;
    const awayMs = this.env.nowMs() - this.#lostMs;
    this.emit({ type: "reconnect", address: this.options.address.text, client: greeting.client, awayMs });
  }

  heard(): void {
    this.#batch.newTurn();
  }

  written(): void {
    this.#batch.written();
    if (this.#allWritten !== undefined && this.#batch.pendingBytes === 0) this.#allWritten.resolve();
  }

  subscriber(sid: number): Subscriber | undefined {
    return this.#bySid.get(sid);
  }

  request(subscriber: Subscriber<Content>, id: number, buf: Buffer, frame: Frame): void {
    if (this.#batch.pendingBytes > MAX_UNTAKEN_BYTES) {
      throw beyondTolerance(`it asks more while ${MAX_UNTAKEN_BYTES} bytes wait for it to be read`);
    }
    const request = new Request(subscriber.fixedTopic, id, buf, frame);
    this.#answers.came(request);
    subscriber.deliver(request);
  }

  replied(id: number, status: number, buf: Buffer, frame: Frame): void {
    this.calls.reply(id, status, buf, frame);
  }

  ok(id: number, result: number): void {
    this.#syncs.answered(id, result);
  }

  refused(ref: number | undefined, error: PodbusError, topic: string | undefined): void {
    if (ref === undefined) {
      if (topic === undefined) this.emit({ type: "error", where: "connection", error });
      else this.publisher.refused(topic, error);
      return;
    }
    if (this.calls.failed(ref, error) || this.#syncs.failed(ref, error)) return;
    const subscriber = this.#bySid.get(ref);
    if (error.code !== "closing") {
      subscriber?.refuse(error);
      return;
    }
    // It came too late, or its queue is the next broker's already, with all that was not settled: nothing of it is left here.
    this.#bySid.delete(ref);
    subscriber?.detach();
  }

  cancel(id: number): void {
    this.#answers.cancel(id);
  }

  xoff(topic: string, why: string | undefined): void {
    this.publisher.hold(topic, why);
  }

  xon(topic: string): void {
    this.publisher.release(topic);
  }

  gap(sid: number, lost: number): void {
    const subscriber = this.#bySid.get(sid);
    if (subscriber?.answers === true) throw badFrame(Op.GAP, "a responder has no gaps");
    subscriber?.gap(new Gap(lost, "dropped"));
  }

  ping(): void {
    if (this.#batch.pendingBytes > MAX_PONG_BYTES) return;
    this.writer.frame(1, Op.PONG);
    this.touched();
  }

  quiet(): void {
    this.publisher.syncNow();
    this.writer.frame(1, Op.PING);
    this.touched();
  }

  bye(): void {
    if (this.#state !== "open") return;
    this.#state = "finishing";
    this.publisher.pause();
    this.calls.pause();
    this.publisher.syncNow();
    this.#finish(-1, 0);
  }

  ended(error: PodbusError): void {
    const isOrderly = this.#state === "finishing";
    const wasOpen = this.#keeper.ended(error, isOrderly);
    if (!wasOpen) return;
    this.#session = undefined;
    this.#sessionOver.resolve();
    this.#allWritten?.resolve();
    this.#batch.detach();
    if (this.#state === "closed") return;
    this.#state = "away";
    if (this.#isEnding) return;
    this.#lostMs = this.env.nowMs();
    const why = isOrderly ? new PodbusError("closing", "the broker ended in order", { cause: error }) : error;
    const { unconfirmed, barriers } = this.publisher.detach(why);
    this.#barriers.push(...barriers);
    this.acks.reset();
    this.#answers.detach();
    this.calls.detach(why);
    if (unconfirmed > 0 && this.emitter.listenerCount("disconnect") === 0) {
      const message = `the connection was lost (${why.message}), and ${unconfirmed} publishes before that may not have arrived`;
      this.#unheard ??= new PodbusError("disconnected", message, { cause: why });
    }
    this.emit({ type: "disconnect", error: why, unconfirmed });
    this.#bySid.clear();
    for (const subscriber of this.#subscribers) subscriber.detach();
  }

  #attach(subscriber: Subscriber): void {
    subscriber.attach();
    this.#bySid.set(subscriber.sid, subscriber);
  }

  /**
   * Answers the broker's BYE once nothing is under way that its answer would cut off: with that the broker hands us nothing more of
   * its queues, and what waits there and is not on disk is lost with it. `taken` had come of them when that was looked at last,
   * and nothing since `quietSinceMs`.
   */
  #finish(taken: number, quietSinceMs: number): void {
    if (this.#state !== "finishing") return;
    const members = [...this.#subscribers].filter((subscriber) => subscriber.isOfFleetingQueue);
    const nowTaken = members.reduce((sum, { delivered }) => sum + delivered, 0);
    const sinceMs = nowTaken === taken ? quietSinceMs : this.env.nowMs();
    const isBusy =
      this.#syncs.pending > 0 ||
      this.calls.sent > 0 ||
      this.#answers.open > 0 ||
      [...this.#subscribers].some((subscriber) => subscriber.isSettling) ||
      members.some(({ inbox }) => inbox.held) ||
      (members.length > 0 && this.env.nowMs() - sinceMs < QUEUE_QUIET_MS);
    if (isBusy) this.env.after(FINISH_LOOK_MS, () => this.#finish(nowTaken, sinceMs));
    else this.#sayBye();
  }

  #sayBye(): void {
    if (this.#saidBye) return;
    this.#saidBye = true;
    this.acks.flush();
    this.writer.frame(1, Op.BYE);
    this.#batch.flush();
  }

  async #endSession(): Promise<void> {
    const over = this.#sessionOver.promise;
    this.#batch.flush();
    if (this.#batch.pendingBytes > 0) {
      this.#allWritten = new Later();
      await this.#allWritten.promise;
    }
    this.#session?.end();
    this.#batch.detach();
    await over;
  }

  async #within(promise: Promise<unknown>, limitMs: number): Promise<void> {
    let cancel = (): void => {};
    const limit = new Promise<void>((resolve) => {
      cancel = this.env.after(limitMs, resolve);
    });
    await Promise.race([promise, limit]);
    cancel();
  }

  #flowHooks(): PublisherHooks {
    const holds = new OwnHolds(this.scope, this.#subscribers);
    return {
      emptying: (topic, why) => holds.emptying(topic, why, this.#client),
      blocked: (topic, why) => {
        holds.blocked(topic, why, this.#client);
        this.emit({ type: "blocked", topic, why });
      },
      unblocked: (topic) => {
        holds.unblocked(topic);
        this.emit({ type: "unblocked", topic });
      },
      refused: (error, topic) => this.emit({ type: "error", where: "publish", error, topic }),
    };
  }

  get #client(): number {
    return this.#greeting?.client ?? 0;
  }

  #unheardError({ where, error, topic, subscription }: EventOf<"error">): void {
    if (where === "publish") {
      this.#unheard ??= error as PodbusError;
      return;
    }
    const subject = subscription?.pattern ?? topic;
    const what = subject === undefined ? where : `${where} of ${subject}`;
    if (this.#warned.has(what) || this.#warned.size >= MAX_WARNINGS) return;
    this.#warned.add(what);
    const text = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    this.env.warn(`podbus, ${what}: ${text}\n(printed once; listen to the bus's "error" event to hear of each)`);
  }
}

function closedError(): PodbusError {
  return new PodbusError("closed", "the bus is closed");
}

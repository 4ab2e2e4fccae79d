// One subscription as the connection knows it: registered anew with each connection, fed by deliveries, held while its inbox is
// full, and ended in order. What a message means to its consumer is its work's matter (client/subscription.ts,
// client/responder.ts). Cost per message: what its consumer does.

import type { FrameWriter } from "../shared/codec/write.ts";
import { PodbusError } from "../shared/errors.ts";
import { Op } from "../shared/protocol.ts";
import { type Acks, Verdict } from "./acks.ts";
import type { Content } from "./content.ts";
import type { DeliveryOwner } from "./delivery.ts";
import type { Env } from "./env.ts";
import type { Consumer } from "./handlers/consumer.ts";
import type { HandlerScope, Scope } from "./handler-scope.ts";
import { Gap, Inbox } from "./inbox.ts";
import { Later } from "./later.ts";
import { writeOptions } from "./subscribe-options.ts";
import type { Barrier } from "./syncs.ts";
import { beyondTolerance, MAX_INBOX_BYTES } from "./tolerance.ts";

/** What a subscription needs of its client. */
export interface SubscriberHost {
  readonly env: Env;
  readonly scope: HandlerScope;
  readonly acks: Acks;
  /** Where frames are written while there is a connection; {@link touched} follows. */
  readonly writer: FrameWriter;
  touched(): unknown;
  readonly stallMs: number;
  nextNumber(): number;
  /** Writes a SYNC, now or once there is a connection. */
  barrier(barrier: Barrier): void;
  forget(subscriber: Subscriber): void;
}

/** What differs between subscriptions that listen and those that answer. */
export interface SubscriberKind<Item extends Content> {
  readonly pattern: string;
  readonly fixedTopic: string | undefined;
  readonly wireOptions: Record<string, unknown> | undefined;
  readonly queue: string | undefined;
  readonly acks: boolean;
  /** Whether it misses messages while there is no connection. */
  readonly plain: boolean;
  /** Whether it takes requests, and not messages. What has come is then answered even where nothing more is wanted. */
  readonly answers: boolean;
  /** Whether its items are over when its consumer is done with them, whoever holds them. */
  readonly transient: boolean;
  /** The number of an item that is to be settled yet. */
  seqOf(item: Item): number | undefined;
  /** The broker refused or ended it. */
  refused(error: PodbusError): void;
}

export class Subscriber<Item extends Content = Content> implements DeliveryOwner, Scope {
  readonly kind: SubscriberKind<Item>;
  readonly inbox: Inbox<Item>;
  readonly #host: SubscriberHost;
  #consumer!: Consumer<Item>;
  /** 0 while there is no connection. */
  #sid = 0;
  #state: "live" | "leaving" | "over" = "live";
  #draining = false;
  /** Whether its connection is about to end, which returns what is not settled. */
  #endsWithConnection = false;
  #cancelRepeat: (() => void) | undefined;
  #ready: Later | undefined;
  #left: Later | undefined;
  readonly #over = new Later<PodbusError | undefined>();
  /** What came, ever. */
  delivered = 0;
  /** Whether it left something to be returned by the connection's end. */
  hasUnsettled = false;
  #error: PodbusError | undefined;

  constructor(host: SubscriberHost, kind: SubscriberKind<Item>) {
    this.#host = host;
    this.kind = kind;
    this.inbox = new Inbox<Item>({ hold: () => this.#hold(), release: () => this.#release() });
  }

  /** Once, before anything is delivered. */
  set consumer(consumer: Consumer<Item>) {
    this.#consumer = consumer;
  }

  get fixedTopic(): string | undefined {
    return this.kind.fixedTopic;
  }

  get answers(): boolean {
    return this.kind.answers;
  }

  get untracked(): number {
    return this.#consumer.untracked;
  }

  get sid(): number {
    return this.#sid;
  }

  get isLive(): boolean {
    return this.#state === "live";
  }

  /** Whether a message is worked on whose settlement the broker waits for. */
  get isSettling(): boolean {
    return this.kind.acks && this.#sid !== 0 && this.#consumer.active;
  }

  /** Whether an ending broker may hold messages of its queue that no other broker will have. */
  get isOfFleetingQueue(): boolean {
    return this.#sid !== 0 && this.kind.queue !== undefined && this.kind.wireOptions?.["durable"] !== true;
  }

  /** Why it ended; undefined where its owner ended it. */
  get over(): Promise<PodbusError | undefined> {
    return this.#over.promise;
  }

  /** Resolves once the broker has it. */
  get ready(): Promise<void> {
    if (this.#ready === undefined) {
      const ready = new Later();
      this.#ready = ready;
      if (this.#state === "live") {
        this.#host.barrier({ covers: false, resolve: ready.resolve, reject: ready.reject });
      } else {
        ready.reject(this.#error ?? closed(this.kind.pattern));
      }
    }
    return this.#ready.promise;
  }

  /** There is a connection: registers there. One that is leaving has lost what it had, and finishes what it is at. */
  attach(): void {
    if (this.#state !== "live") return;
    const { pattern, wireOptions } = this.kind;
    const w = this.#host.writer;
    this.#sid = this.#host.nextNumber();
    w.frame(wireOptions === undefined ? 3 : 4, Op.SUB)
      .int(this.#sid)
      .str(pattern);
    writeOptions(w, wireOptions);
    this.#host.touched();
    if (this.inbox.held) this.#hold();
  }

  /** The connection is gone. What waits and would have been acknowledged there comes again. */
  detach(): void {
    if (this.#sid === 0) return;
    this.#sid = 0;
    this.#cancelRepeat?.();
    this.#left?.resolve();
    if (this.kind.acks) this.#consumer.clear();
    else if (this.kind.plain && this.#state === "live") this.#consumer.gap(new Gap(undefined, "disconnected"));
  }

  /**
   * Whether nobody may look at the item any more, so that it and its memory may be used again.
   * @throws PodbusError `limit` where the broker goes on although it was told to hold this.
   */
  deliver(item: Item): boolean {
    this.#checkInbox();
    this.delivered++;
    const { acks, answers, transient } = this.kind;
    if (this.#state !== "live" && !answers && (acks || !this.#draining)) {
      this.#giveBack([item]);
      return false;
    }
    return this.#consumer.deliver(item) && transient;
  }

  /** @throws PodbusError as {@link deliver} */
  gap(gap: Gap): void {
    this.#checkInbox();
    if (this.#state !== "over") this.#consumer.gap(gap);
  }

  settle(sid: number, seq: number, verdict: Verdict, delayMs?: number): void {
    if (sid === this.#sid && sid !== 0) this.#host.acks.settle(sid, seq, verdict, delayMs);
  }

  /** Ends it: what waits is given back, or dropped. Resolves once nothing more comes. */
  async unsubscribe(error?: PodbusError): Promise<void> {
    if (this.#state === "live") {
      this.#leave();
      this.#error ??= error;
      if (!this.kind.answers) this.#giveBack(this.#consumer.clear());
      this.#consumer.stop(error);
    } else if (this.#draining) {
      this.#draining = false;
      this.#giveBack(this.#consumer.clear());
      this.#consumer.stop(error);
    }
    await this.#left?.promise;
    this.#end();
  }

  /**
   * Ends it, and answers what came: of messages that are acknowledged, those under way; the rest is given back. Where the connection
   * is about to end that is left to its end, which costs fewer of them an attempt.
   */
  async drain(endsWithConnection = false): Promise<void> {
    if (this.#state === "live") {
      this.#leave();
      this.#draining = true;
      this.#endsWithConnection = endsWithConnection;
      if (this.kind.acks) this.#giveBack(this.#consumer.clear());
    }
    await this.#left?.promise;
    // Where it is ended meanwhile, with the bus for one, nobody waits for a handler that may never be done.
    await Promise.race([this.#consumer.finish(), this.over]);
    this.#end();
  }

  /** The broker refused or ended it. */
  refuse(error: PodbusError): void {
    if (this.#state === "live") this.kind.refused(error);
    this.fail(error);
  }

  /** It is over at once: `error` says why, unless its owner wanted it. */
  fail(error: PodbusError | undefined): void {
    if (this.#state === "over") return;
    this.#error ??= error;
    this.#consumer.clear();
    this.#consumer.stop(error);
    this.#left?.resolve();
    this.#end();
  }

  #checkInbox(): void {
    if (this.inbox.bytes > MAX_INBOX_BYTES) {
      throw beyondTolerance(`it goes on with ${this.kind.pattern}, of which ${MAX_INBOX_BYTES} bytes wait here`);
    }
  }

  #leave(): void {
    this.#state = "leaving";
    const left = new Later();
    this.#left = left;
    if (this.#sid === 0) {
      left.resolve();
      return;
    }
    this.#cancelRepeat?.();
    this.#host.writer.frame(2, Op.UNSUB).int(this.#sid);
    this.#host.touched();
    const done = (): void => left.resolve();
    this.#host.barrier({ covers: false, resolve: done, reject: done });
  }

  #end(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#cancelRepeat?.();
    this.#host.forget(this);
    this.#ready?.reject(this.#error ?? closed(this.kind.pattern));
    this.#over.resolve(this.#error);
  }

  /** To the queue's other members, in ranges. */
  #giveBack(items: readonly Item[]): void {
    if (!this.kind.acks || this.#sid === 0) return;
    if (this.#endsWithConnection) {
      this.hasUnsettled ||= items.length > 0;
      return;
    }
    const { acks } = this.#host;
    let first = 0;
    let last = 0;
    for (const item of items) {
      const seq = this.kind.seqOf(item);
      if (seq === undefined) continue;
      if (first !== 0 && seq === last + 1) {
        last = seq;
        continue;
      }
      if (first !== 0) acks.settleRange(this.#sid, first, last, Verdict.AGAIN);
      first = last = seq;
    }
    if (first !== 0) acks.settleRange(this.#sid, first, last, Verdict.AGAIN);
  }

  #hold(): void {
    if (this.#sid === 0 || this.#state !== "live") return;
    this.#host.writer.frame(2, Op.XOFF).int(this.#sid);
    this.#host.touched();
    this.#cancelRepeat?.();
    this.#cancelRepeat = this.#host.env.after(this.#host.stallMs / 4, () => this.#repeat());
  }

  /** As long as somebody is at work on what came, the broker is told so. Nobody: it may judge us stalled. */
  #repeat(): void {
    if (this.#consumer.active) this.#hold();
    else this.#cancelRepeat = this.#host.env.after(this.#host.stallMs / 4, () => this.#repeat());
  }

  #release(): void {
    this.#cancelRepeat?.();
    this.#cancelRepeat = undefined;
    if (this.#sid === 0 || this.#state !== "live") return;
    this.#host.writer.frame(2, Op.XON).int(this.#sid);
    this.#host.touched();
  }
}

function closed(pattern: string): PodbusError {
  return new PodbusError("closed", `the subscription to ${pattern} has ended`);
}

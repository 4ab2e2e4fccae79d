// Who waits for whom: publishers in XOFF, topic by topic, and the full queues that hold them up. Off the hot path: asked only
// where a queue is full or a publisher has a topic in XOFF.
//
//   publisher.off:  topic ──► the full outboxes that it leads to          XON when the last of them has drained to half
//   #waiters:       outbox ──► publishers ──► topics

import { FrameWriter } from "../../shared/codec/write.ts";
import { MAX_TOPICS_OFF, Op } from "../../shared/protocol.ts";
import type { Core } from "./core.ts";
import type { Outbox } from "./outbox.ts";
import type { Peer } from "./peer.ts";
import type { Receiver } from "./stalls.ts";
import type { Route } from "./routes.ts";

/** What a full outbox's owner must tell: a subscription or a queue. */
export interface Holder {
  /** `queue NAME` or `client NUMBER`. */
  readonly why: string;
  readonly pattern: string;
  /** Whether it is `peer` itself that would have to empty it. */
  isServedBy(peer: Peer): boolean;
  /** The subscriptions that empty it. */
  receivers(): readonly Receiver[];
}

/** Those that wait for an outbox to drain, with the topics by which they do. */
interface Waiting {
  readonly sinceMs: number;
  readonly topics: Map<Peer, Set<string>>;
}

/** Headroom of a publisher while the broker's memory is short. */
const SHORT_HEADROOM_BYTES = 64 * 1024;
/** Of one publisher, over all its topics: what is remembered of who holds it up. */
const MAX_HOLDERS: number = 64 * 1024;
const writer: FrameWriter = new FrameWriter(256);

export class Flow {
  readonly #core: Core;
  readonly #headroomBytes: number;
  readonly #waiters = new Map<Outbox, Waiting>();

  constructor(core: Core, headroomBytes: number) {
    this.#core = core;
    this.#headroomBytes = headroomBytes;
  }

  /** Publishers that have a topic in XOFF. */
  get blockedPublishers(): number {
    const peers = new Set<Peer>();
    for (const { topics } of this.#waiters.values()) for (const peer of topics.keys()) peers.add(peer);
    return peers.size;
  }

  /** `peer` publishes on `topic`, and `outbox`, whose policy is to block, was full before. It takes the message all the same. */
  block(peer: Peer, topic: string, outbox: Outbox): void {
    const holders = peer.off.get(topic);
    // One is enough to tell when to go on: another may hold the topic up again.
    if (holders !== undefined && (peer.offHolders >= MAX_HOLDERS || holders.has(outbox))) return;
    peer.offHolders++;
    let waiting = this.#waiters.get(outbox);
    if (waiting === undefined) {
      this.#waiters.set(outbox, (waiting = { sinceMs: this.#core.nowMs(), topics: new Map() }));
      outbox.awaited = true;
      this.#core.stalls.watch();
      this.#core.events.full(outbox);
    }
    let topics = waiting.topics.get(peer);
    if (topics === undefined) waiting.topics.set(peer, (topics = new Set()));
    topics.add(topic);
    // One that was paused for others' sake, and has this to empty, must be read from: for it to say that it goes on, or has settled.
    if (holderOf(outbox).isServedBy(peer)) peer.setPaused("flow", false);
    if (holders !== undefined) {
      holders.add(outbox);
      return;
    }
    peer.off.set(topic, new Set([outbox]));
    const { why } = holderOf(outbox);
    peer.answer(writer.reset().frame(3, Op.XOFF).str(topic).str(why));
    if (peer.off.size >= MAX_TOPICS_OFF) this.#restrain(peer);
  }

  /**
   * `peer`, which has topics in XOFF, publishes `bytes` on `route`. False where that is refused: it has used up its headroom, and to
   * stop reading from it would stop it from ever emptying what is full.
   */
  admit(peer: Peer, route: Route, bytes: number): boolean {
    const isShort = this.#core.pressure.isOn;
    if (!peer.off.has(route.topic)) {
      if ((!isShort && peer.off.size < MAX_TOPICS_OFF) || !leadsToFull(route)) return true;
      // One that is not paused, because it empties what is full itself, may not go on for ever with other topics.
      if (!isShort) return !this.#isOwn(peer);
    }
    // Where memory is short there is little headroom: what a read brought is on its way already. And what waits for many receivers
    // is held many times over.
    const headroom = isShort ? Math.min(this.#headroomBytes, SHORT_HEADROOM_BYTES) : this.#headroomBytes;
    const held = isShort ? bytes * Math.max(1, route.outboxes.length) : bytes;
    if (peer.offBytes + held > headroom && this.#isOwn(peer)) return false;
    peer.offBytes += held;
    if (peer.offBytes > headroom) this.#restrain(peer);
    return true;
  }

  /** `outbox` has drained to half, or is no more. */
  drained(outbox: Outbox): void {
    const waiting = this.#waiters.get(outbox);
    if (waiting === undefined) return;
    this.#waiters.delete(outbox);
    outbox.awaited = false;
    for (const [peer, topics] of waiting.topics) {
      for (const topic of topics) {
        const holders = peer.off.get(topic);
        if (holders === undefined) continue;
        if (holders.delete(outbox)) peer.offHolders--;
        if (holders.size > 0) continue;
        peer.off.delete(topic);
        peer.answer(writer.reset().frame(2, Op.XON).str(topic));
      }
      if (peer.off.size > 0) continue;
      peer.offBytes = 0;
      peer.setPaused("flow", false);
    }
    this.#core.events.drained(outbox);
  }

  get isAwaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** The outboxes that somebody waits for, and since when. */
  *awaited(): Iterable<[Outbox, number]> {
    for (const [outbox, { sinceMs }] of Array.from(this.#waiters)) yield [outbox, sinceMs];
  }

  /** `peer` is gone: it waits for nobody. */
  forget(peer: Peer): void {
    for (const holders of peer.off.values()) {
      for (const outbox of holders) {
        const waiting = this.#waiters.get(outbox);
        if (waiting?.topics.delete(peer) !== true || waiting.topics.size > 0) continue;
        this.#waiters.delete(outbox);
        outbox.awaited = false;
      }
    }
    peer.off.clear();
    peer.offHolders = 0;
  }

  #restrain(peer: Peer): void {
    if (!this.#isOwn(peer)) peer.setPaused("flow", true);
  }

  /** Whether one of those that hold `peer` up is `peer` itself. */
  #isOwn(peer: Peer): boolean {
    for (const holders of peer.off.values()) {
      for (const outbox of holders) {
        this.#core.work++;
        if (holderOf(outbox).isServedBy(peer)) return true;
      }
    }
    return false;
  }
}

function leadsToFull({ outboxes }: Route): boolean {
  return outboxes.some((outbox) => outbox.full && outbox.overflow === "block");
}

export function holderOf(outbox: Outbox): Holder {
  return outbox.owner as unknown as Holder;
}

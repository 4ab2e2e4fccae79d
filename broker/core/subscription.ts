// A plain subscription: every message that matches, through an outbox of its own.

import { quote } from "../../shared/quote.ts";
import { bytesOfAll, type PooledChunk } from "./chunks.ts";
import type { Core } from "./core.ts";
import type { Consumer, Source } from "./link.ts";
import { newOutbox } from "./latest.ts";
import type { Outbox, OutboxLimits, OutboxOwner } from "./outbox.ts";
import type { Peer } from "./peer.ts";

export class Subscription implements OutboxOwner, Consumer, Source {
  readonly kind = "subscription";
  readonly sid: number;
  readonly pattern: string;
  readonly peer: Peer;
  readonly outbox: Outbox;
  readonly attempt = 1;
  readonly nextSeq = 0;
  readonly #core: Core;
  /** When the client last said XOFF, while that holds. */
  heldSinceMs: number | undefined;
  /** Whether the client holds it with XOFF. */
  #held = false;
  #ready = false;
  #ended = false;
  #isEvicted = false;

  constructor(core: Core, peer: Peer, sid: number, pattern: string, limits: OutboxLimits) {
    this.#core = core;
    this.peer = peer;
    this.sid = sid;
    this.pattern = pattern;
    this.outbox = newOutbox(this, core.chunks, limits, true);
  }

  /** What XOFF tells a publisher of who holds it up. */
  get why(): string {
    return `client ${this.peer.number}`;
  }

  /** Whether `peer` is the one who would have to empty it. */
  isServedBy(peer: Peer): boolean {
    return peer === this.peer;
  }

  receivers(): readonly Subscription[] {
    return [this];
  }

  hold(held: boolean): void {
    this.#held = held;
    this.heldSinceMs = held ? this.#core.nowMs() : undefined;
    if (held) return;
    // What can be handed on from here is not put on top of the limit any longer.
    this.outbox.trim();
    this.#getReady();
  }

  touch(): void {
    this.#core.touched(this.outbox);
    this.#getReady();
  }

  supply(): void {
    this.#ready = false;
    this.outbox.touched = false; // what comes from here on is told anew
    if (this.#held || this.peer.link.room <= 0) return this.#getReady();
    this.outbox.trim();
    this.peer.link.deliver(this, this.outbox);
    this.#getReady();
  }

  relieve(): void {
    if (!this.#held && this.peer.link.room > 0) this.peer.link.deliver(this, this.outbox);
  }

  drained(): void {
    this.#core.flow.drained(this.outbox);
  }

  dropOldest(): boolean {
    if (this.outbox.messages === 0) return false;
    this.outbox.dropOldest();
    return true;
  }

  replaced(): void {}

  disconnect(): void {
    if (this.#isEvicted) return;
    this.#isEvicted = true;
    const waiting = `${this.outbox.messages} messages, ${this.outbox.bytes} bytes`;
    this.#core.evict(
      this.peer,
      `the subscription to ${quote(this.pattern)} let ${waiting} wait, its maxMessages or maxBytes, and asked to be disconnected then`,
    );
  }

  /** Plain subscriptions heed no headers. */
  isNew(): boolean {
    return true;
  }

  remember(): void {}

  get heldBytes(): number {
    return bytesOfAll(this.outbox.chunks());
  }

  take(chunk: PooledChunk, start: number, end: number): void {
    this.outbox.push(chunk, start, end);
  }

  handed(_chunk: PooledChunk, _start: number, _end: number, count: number): void {
    this.outbox.counters.inFlight += count;
  }

  written(count: number): void {
    const counters = this.#ended ? this.peer.past : this.outbox.counters;
    counters.inFlight -= count;
    counters.settled += count;
  }

  unwritten(_chunk: PooledChunk, _start: number, _end: number, count: number): void {
    const counters = this.#ended ? this.peer.past : this.outbox.counters;
    counters.inFlight -= count;
    counters.dropped += count;
  }

  /** There is nobody else to tell. */
  untold(): void {}

  takenEarly(): void {}

  /** It ends: what waits is dropped, and whoever waits for it goes on. What is being written is counted on by its connection. */
  end(): void {
    this.#held = true;
    this.outbox.counters.dropped += this.outbox.clear();
    this.#core.flow.drained(this.outbox);
    this.#core.pressure.forget(this.outbox);
    this.peer.past.add(this.outbox.counters);
    this.#ended = true;
  }

  #getReady(): void {
    if (this.#ready || this.#held || this.outbox.empty) return;
    this.#ready = true;
    this.peer.link.ready(this);
    this.#core.dirty(this.peer);
  }
}

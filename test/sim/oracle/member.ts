// A member of a queue, as protocol.md has it: what it holds and has not settled, and which of that it works on. When a time-out was
// acted upon can't be seen from outside, so what may have timed out is in doubt until something tells.

import type { PeerView } from "./peer.ts";
import type { Entry, Next, QueueView } from "./queue.ts";

export class MemberView {
  readonly kind = "member";
  queue: QueueView;
  readonly peer: PeerView;
  readonly sid: number;
  readonly prefetch: number;
  readonly concurrency: number;
  readonly subPosition: number;
  /** In which event it came, and what was the next that the queue would take. */
  readonly joinedAt: number;
  readonly joinedOrder: number;
  unsubPosition: number = Number.POSITIVE_INFINITY;
  /** Written and not settled, in the order of seq. */
  held: Entry[] = [];
  nextSeq = 1;
  /** All up to this is of writes that were taken as a whole. */
  completeSeq = 0;
  isHeld = false;
  heldSinceMs = 0;
  /** What its queue is to be, where it can be a member of that alone. */
  next: Next | undefined;
  /** Nothing may come any more. */
  isOver = false;
  /** Its connection is ending: what was being written may come, and does not count. */
  isGone = false;
  #changedAt = -1;

  constructor(
    queue: QueueView,
    peer: PeerView,
    sid: number,
    options: { prefetch: number; concurrency: number },
    subPosition: number,
    joinedAt: number,
  ) {
    this.joinedAt = joinedAt;
    this.joinedOrder = queue.nextOrder;
    this.queue = queue;
    this.peer = peer;
    this.sid = sid;
    this.prefetch = options.prefetch;
    this.concurrency = options.concurrency;
    this.subPosition = subPosition;
  }

  get isLive(): boolean {
    return this.unsubPosition === Number.POSITIVE_INFINITY && !this.isOver && !this.isGone;
  }

  /** Whether it was a member no longer that could be handed anything when `other` came. */
  hasLeftBefore(other: MemberView): boolean {
    return !this.isLive && (this.peer !== other.peer || this.unsubPosition < other.subPosition);
  }

  /** Whether it may count as one of its connection's: it left, and holds something, or may. */
  get mayBeRetired(): boolean {
    const { queue } = this;
    if (!queue.options.ack || this.isLive || this.isGone) return false;
    return this.held.length > 0 || (queue.members.has(this) && !this.isOver);
  }

  /** It came, said that it goes on, or settled something: in this event it may be handed what waits. */
  changed(): void {
    this.#changedAt = this.peer.oracle.events;
  }

  /** Whether it may have been handed something in this event, of which nothing is seen yet. */
  get mayBeHanded(): boolean {
    const { events } = this.peer.oracle;
    return this.joinedAt === events || this.#changedAt === events || this.queue.wasAble;
  }

  /** Whether it can be handed nothing, for sure. */
  get isUnable(): boolean {
    return !this.isLive || this.isHeld || this.peer.isLeaving || this.held.length >= this.prefetch;
  }

  /**
   * Brings up to date which of what it holds may have timed out by `nowMs`. It works on its oldest; one that may have timed out may
   * have made room for the next at that time. Every time is the earliest that can be.
   */
  lapse(nowMs: number): void {
    const { ackTimeoutMs } = this.queue.options;
    let places = this.concurrency;
    let freedMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.held.length && i < places; i++) {
      const entry = this.held[i]!;
      entry.enteredMs ??= i < this.concurrency ? nowMs : Math.max(freedMs, entry.heldSinceMs);
      if (ackTimeoutMs === 0 || entry.enteredMs + ackTimeoutMs > nowMs) continue;
      this.queue.mayBeBack(entry);
      freedMs = Math.min(freedMs, entry.enteredMs + ackTimeoutMs);
      places++;
    }
  }

  /** Whether `entry` is being worked on for sure: its connection's end costs it an attempt. */
  worksOn(entry: Entry): boolean {
    return entry.seq <= this.completeSeq && this.held.indexOf(entry) < this.concurrency;
  }

  take(entry: Entry): void {
    this.held.splice(this.held.indexOf(entry), 1);
    entry.holder = undefined;
  }
}

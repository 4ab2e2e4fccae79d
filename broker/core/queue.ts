// A named queue: its members share the messages, each goes to one of them. Messages wait in the queue, not with a member,
// until a member's connection has little enough to write: so a slow member gets less, not a window of stale work.

import { OUTGOING_BYTES } from "../../shared/protocol.ts";
import type { PooledChunk } from "./chunks.ts";
import type { Core } from "./core.ts";
import { Counters } from "./counters.ts";
import type { Consumer } from "./link.ts";
import { Outbox, type OutboxOwner } from "./outbox.ts";
import type { Peer } from "./peer.ts";
import type { QueueOptions } from "./subscribe-options.ts";

/** What a member is handed at once at the most, in bytes: enough for a write, little enough to leave some to the others. */
const SHARE_BYTES = 64 * 1024;
/** A member with more than this to write has to wait. */
const MEMBER_BYTES = OUTGOING_BYTES / 4;

export class Queue implements OutboxOwner {
  readonly name: string;
  readonly pattern: string;
  readonly options: QueueOptions;
  readonly outbox: Outbox;
  readonly members: Member[] = [];
  readonly #core: Core;
  #next = 0;
  #ended = false;
  /** When the oldest of what waits began to wait, about; undefined while nothing does. */
  waitingSinceMs: number | undefined;

  constructor(core: Core, name: string, pattern: string, options: QueueOptions) {
    this.#core = core;
    this.name = name;
    this.pattern = pattern;
    this.options = options;
    this.outbox = new Outbox(this, core.chunks, options.maxMessages, options.maxBytes);
  }

  get why(): string {
    return `queue ${this.name}`;
  }

  isServedBy(peer: Peer): boolean {
    return this.members.some((member) => member.peer === peer);
  }

  join(member: Member): void {
    this.members.push(member);
    member.peer.queues.add(this);
    this.#core.distribute(this);
  }

  leave(member: Member): void {
    this.members.splice(this.members.indexOf(member), 1);
    if (!this.isServedBy(member.peer)) member.peer.queues.delete(this);
  }

  touch(): void {
    this.#core.touched(this.outbox);
    this.#core.distribute(this);
    this.waitingSinceMs ??= this.#core.nowMs();
  }

  relieve(): void {
    this.supplyMembers();
  }

  drained(): void {
    this.#core.flow.drained(this.outbox);
  }

  /** Hands out what waits, an equal share at a time, to the members in turn, as long as one of them can take it. */
  supplyMembers(): void {
    while (!this.outbox.empty) {
      const able = this.members.filter((member) => member.able);
      if (able.length === 0) return;
      const share = Math.ceil(this.outbox.messages / able.length);
      const member = able[this.#next++ % able.length]!;
      member.peer.link.deliverSome(member, this.outbox, share, SHARE_BYTES);
      this.#core.dirty(member.peer);
    }
    this.waitingSinceMs = undefined;
  }

  /** Whether something waits that a member could take now. */
  get canSupply(): boolean {
    return !this.outbox.empty && this.members.some((member) => member.able);
  }

  /** Where it is counted what became of its messages: with the broker once it has ended. */
  get counters(): Counters {
    return this.#ended ? this.#core.past : this.outbox.counters;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** It ends: what waits is dropped. Returns how many messages that were. */
  end(): number {
    const dropped = this.outbox.clear();
    this.outbox.counters.dropped += dropped;
    this.#core.flow.drained(this.outbox);
    this.#core.past.add(this.outbox.counters);
    this.#ended = true;
    return dropped;
  }
}

/** A subscription that is a member of a queue. */
export class Member implements Consumer {
  readonly kind = "member";
  readonly sid: number;
  readonly queue: Queue;
  readonly peer: Peer;
  /** Of what this member was handed. */
  readonly counters: Counters = new Counters();
  #held = false;
  #ended = false;

  constructor(peer: Peer, sid: number, queue: Queue) {
    this.peer = peer;
    this.sid = sid;
    this.queue = queue;
  }

  get able(): boolean {
    const { link } = this.peer;
    return !this.#held && !this.peer.leaving && link.room > 0 && link.pendingBytes + link.writingBytes < MEMBER_BYTES;
  }

  hold(held: boolean): void {
    this.#held = held;
    if (!held) this.queue.touch();
  }

  handed(count: number): void {
    this.#mine.accepted += count;
    this.#mine.inFlight += count;
    this.queue.counters.inFlight += count;
  }

  written(count: number): void {
    for (const counters of [this.#mine, this.queue.counters]) {
      counters.inFlight -= count;
      counters.settled += count;
    }
  }

  /** The queue has them again, in front: they are no longer this member's. */
  unwritten(chunk: PooledChunk, start: number, end: number, count: number): void {
    this.#mine.inFlight -= count;
    this.#mine.accepted -= count;
    this.queue.counters.inFlight -= count;
    if (this.queue.ended) this.queue.counters.dropped += count;
    else this.queue.outbox.unshift(chunk, start, end, count);
  }

  /** It leaves. What is being written is counted on by its connection. */
  end(): void {
    this.#held = true;
    this.peer.pastShared.add(this.counters);
    this.#ended = true;
  }

  get #mine(): Counters {
    return this.#ended ? this.peer.pastShared : this.counters;
  }
}

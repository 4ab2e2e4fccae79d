// A subscription that is a member of a queue, and what it has been handed. The queue decides what it gets.

import { OUTGOING_BYTES } from "../../shared/protocol.ts";
import type { PooledChunk } from "./chunks.ts";
import { Counters } from "./counters.ts";
import type { Consumer } from "./link.ts";
import type { Peer } from "./peer.ts";
import type { Queue } from "./queue.ts";
import type { Run } from "./run.ts";

/** A member with more than this to write has to wait: what is late is better left to another. */
const MEMBER_BYTES = OUTGOING_BYTES / 4;

export class Member implements Consumer {
  readonly kind = "member";
  readonly sid: number;
  readonly queue: Queue;
  readonly peer: Peer;
  /** Of what this member was handed. */
  readonly counters: Counters = new Counters();
  /** What FOR says of the next message. */
  attempt = 1;
  nextSeq = 0;
  /** When the client last said XOFF, or settled something, while XOFF holds. */
  heldSinceMs: number | undefined;
  #isEnded = false;

  constructor(peer: Peer, sid: number, queue: Queue) {
    this.peer = peer;
    this.sid = sid;
    this.queue = queue;
  }

  /** Messages that it may be handed now. */
  get room(): number {
    const { link } = this.peer;
    const isAble = this.heldSinceMs === undefined && !this.#isEnded && !this.peer.leaving && link.room > 0;
    return isAble && link.pendingBytes + link.writingBytes < MEMBER_BYTES ? Number.POSITIVE_INFINITY : 0;
  }

  /** Messages that it holds and has not settled; none where it does not acknowledge. */
  get unsettledMessages(): number {
    return 0;
  }

  /** Counts {@link unsettledMessages} anew, by walking them: for checks of the books. */
  recount(): number {
    return 0;
  }

  /** The chunks that those keep, one for each run. */
  *chunks(): Iterable<PooledChunk> {}

  hold(isHeld: boolean): void {
    this.heldSinceMs = isHeld ? this.queue.nowMs() : undefined;
    if (!isHeld) this.queue.supplyLater();
  }

  /** Hands it `run`, which is its from then on. */
  deliver(run: Run): void {
    this.peer.link.deliverRun(this, run);
    run.chunk.release();
  }

  handed(_chunk: PooledChunk, _start: number, _end: number, count: number, _order: number): void {
    this.mine.accepted += count;
    this.mine.inFlight += count;
    this.queue.counters.inFlight += count;
  }

  written(count: number, order: number): void {
    for (const counters of [this.mine, this.queue.counters]) {
      counters.inFlight -= count;
      counters.settled += count;
    }
    this.queue.fate.written(order, count);
  }

  /** They are delivered: the disk is to know that before it is let go of. */
  takenEarly(count: number, order: number): void {
    this.queue.fate.written(order, count);
  }

  /** The queue has them again, in front: they are no longer this member's. */
  unwritten(chunk: PooledChunk, start: number, end: number, count: number, order: number): void {
    this.mine.inFlight -= count;
    this.mine.accepted -= count;
    this.queue.fate.giveBack(this.queue.newRun(chunk, start, end, count, order));
  }

  /** Another member is told, or the first that comes. */
  untold(lost: number): void {
    this.queue.lost(lost);
  }

  /** It is unsubscribed: it gets nothing more. True where it is over, false where it has something to settle yet. */
  retire(): boolean {
    this.end();
    return true;
  }

  /** The options of its queue have changed. */
  optionsChanged(): void {}

  /** The broker takes it out of its queue, which is no fault of what it holds: all of that goes back as it came. */
  dismiss(): void {
    this.end();
  }

  /** It is over. What is being written is counted on by its connection. */
  end(): void {
    if (this.#isEnded) return;
    this.peer.pastShared.add(this.counters);
    this.#isEnded = true;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Where its own counts go. */
  protected get mine(): Counters {
    return this.#isEnded ? this.peer.pastShared : this.counters;
  }
}

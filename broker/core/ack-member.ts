// A member that acknowledges: what it was handed stays its own until it is settled, times out, or its connection ends.
//
// It works on its oldest `concurrency` unsettled messages, the window; the others wait in its prefetch. Only those in the window
// have a time-out running, and only they lose an attempt when the connection ends: a message that kills its worker does not
// take its neighbours along.

import type { Timed } from "../../shared/deadlines.ts";
import type { PooledChunk } from "./chunks.ts";
import type { Alarm, Core } from "./core.ts";
import { Member } from "./member.ts";
import type { Peer } from "./peer.ts";
import type { Queue } from "./queue.ts";
import { Run } from "./run.ts";
import { Unsettled } from "./unsettled.ts";

/** The verdicts of an ACK. */
export const AckVerdict = { DONE: 0, AGAIN: 1, REJECT: 2, WORKING: 3 } as const;

export class AckMember extends Member implements Timed, Alarm {
  readonly #core: Core;
  readonly #prefetch: number;
  readonly #concurrency: number;
  readonly #unsettled = new Unsettled();
  /** By seq, since when it is worked on; in the order of that. */
  readonly #window = new Map<number, number>();
  /** The last seq that entered the window. */
  #enteredSeq = 0;
  /** The last seq that was written. */
  #writtenSeq = 0;
  /** The run that is being handed over, where it is not a new one. */
  #handing: Run | undefined;
  #isRetired = false;
  heapIndex = -1;
  dueMs = 0;
  dueOrder = 0;

  constructor(core: Core, peer: Peer, sid: number, queue: Queue, prefetch: number, concurrency: number) {
    super(peer, sid, queue);
    this.#core = core;
    this.#prefetch = prefetch;
    this.#concurrency = concurrency;
    this.nextSeq = 1;
  }

  override get room(): number {
    return this.#isRetired ? 0 : Math.min(super.room, this.#prefetch - this.#unsettled.messages);
  }

  override get unsettledMessages(): number {
    return this.#unsettled.messages;
  }

  override recount(): number {
    let messages = 0;
    for (const run of this.#unsettled) messages += run.recount();
    return messages;
  }

  override *chunks(): Iterable<PooledChunk> {
    for (const { chunk } of this.#unsettled) yield chunk;
  }

  override deliver(run: Run): void {
    this.attempt = run.attempt;
    this.#handing = run;
    this.peer.link.deliverRun(this, run);
    this.#handing = undefined;
    this.attempt = 1;
  }

  override handed(chunk: PooledChunk, start: number, end: number, count: number, order: number): void {
    super.handed(chunk, start, end, count, order);
    const run = this.#handing ?? Run.of(this.#core.chunks, chunk, start, end, count, order);
    run.seq = this.nextSeq;
    this.nextSeq += count;
    if (run.wasDelivered) {
      this.mine.redelivered += count;
      this.queue.counters.redelivered += count;
    }
    this.#unsettled.add(run);
  }

  override written(count: number): void {
    this.#writtenSeq += count;
    this.#refill();
  }

  override takenEarly(): void {
    // Delivered is not settled: that it says by itself.
  }

  override unwritten(): void {
    // They are among the unsettled, and go back with them.
  }

  /** Settles those with a seq from `first` to `last` that are unsettled. */
  settle(first: number, last: number, verdict: number, delayMs: number): void {
    if (this.heldSinceMs !== undefined) this.heldSinceMs = this.#core.nowMs();
    if (verdict === AckVerdict.WORKING) return this.#restart(first, last);
    const sent = this.#sentOf(last);
    const runs = this.#unsettled.take(first, sent);
    if (runs.length === 0) return;
    this.#leaveWindow(first, sent);
    for (const run of runs) {
      this.#settled(run.count, verdict === AckVerdict.DONE);
      if (verdict === AckVerdict.DONE) this.queue.fate.done(run);
      else if (verdict === AckVerdict.REJECT) this.queue.fate.dead(run, "rejected");
      else this.queue.fate.failed(run, delayMs);
    }
    this.#refill();
    this.queue.supplyLater();
    this.#checkRetired();
    this.peer.checkDone();
  }

  /** The last seq up to `last` that the peer may have: what is on its way to it can't be settled yet. */
  #sentOf(last: number): number {
    if (last <= this.#writtenSeq) return last;
    return Math.min(last, this.#writtenSeq + this.peer.link.takenEarly(this));
  }

  due(): void {
    const now = this.#core.nowMs();
    const { ackTimeoutMs } = this.queue.options;
    for (const [seq, sinceMs] of this.#window) {
      if (sinceMs + ackTimeoutMs > now) break;
      this.#window.delete(seq);
      for (const run of this.#unsettled.take(seq, seq)) {
        this.#settled(run.count, false);
        this.queue.fate.failed(run, 0);
      }
    }
    this.#refill();
    this.queue.supplyLater();
    this.#checkRetired();
    this.peer.checkDone();
  }

  override optionsChanged(): void {
    this.#setDeadline();
  }

  override retire(): boolean {
    this.#isRetired = true;
    if (this.#unsettled.messages > 0) return false;
    this.end();
    return true;
  }

  /** Its connection ended: what it had not settled goes back, and what it worked on has had an attempt. */
  override end(): void {
    if (this.isEnded) return;
    this.#core.deadlines.delete(this);
    for (const seq of [...this.#window.keys()].sort((a, b) => a - b)) {
      for (const run of this.#unsettled.take(seq, seq)) {
        this.#settled(run.count, false);
        this.queue.fate.failed(run, 0);
      }
    }
    this.#giveBackAll();
    super.end();
  }

  override dismiss(): void {
    if (this.isEnded) return;
    this.#core.deadlines.delete(this);
    this.#giveBackAll();
    super.end();
  }

  #giveBackAll(): void {
    this.#window.clear();
    for (const run of this.#unsettled.take(0, this.#writtenSeq)) {
      run.wasDelivered = true;
      this.#giveBack(run);
    }
    for (const run of this.#unsettled.takeAll()) this.#giveBack(run);
  }

  #giveBack(run: Run): void {
    this.#settled(run.count, false);
    this.queue.fate.giveBack(run);
  }

  /** `count` messages are no longer this member's: done, or back in the queue. */
  #settled(count: number, isDone: boolean): void {
    this.mine.inFlight -= count;
    if (isDone) this.mine.settled += count;
    else this.mine.accepted -= count;
  }

  #leaveWindow(first: number, last: number): void {
    if (last - first < this.#window.size) {
      for (let seq = first; seq <= last; seq++) this.#window.delete(seq);
    } else {
      for (const seq of this.#window.keys()) if (seq >= first && seq <= last) this.#window.delete(seq);
    }
  }

  /** Still working: the time-outs of those begin anew. */
  #restart(first: number, last: number): void {
    const now = this.#core.nowMs();
    const restarted = Array.from(this.#window.keys()).filter((seq) => seq >= first && seq <= last);
    for (const seq of restarted) {
      this.#window.delete(seq);
      this.#window.set(seq, now);
    }
    this.#setDeadline();
  }

  /** Lets the next ones enter the window, as far as there is room. */
  #refill(): void {
    while (this.#window.size < this.#concurrency) {
      const seq = this.#unsettled.after(this.#enteredSeq);
      if (seq === undefined || seq > this.#writtenSeq) break;
      this.#enteredSeq = seq;
      this.#window.set(seq, this.#core.nowMs());
    }
    this.#setDeadline();
  }

  /** For the one that has been worked on longest: the window is in that order. */
  #setDeadline(): void {
    const { ackTimeoutMs } = this.queue.options;
    const [sinceMs] = this.#window.values();
    if (sinceMs === undefined || ackTimeoutMs === 0) {
      this.#core.deadlines.delete(this);
      return;
    }
    const dueMs = sinceMs + ackTimeoutMs;
    if (this.heapIndex < 0 || this.dueMs !== dueMs) this.#core.deadlines.set(this, dueMs);
  }

  #checkRetired(): void {
    if (this.#isRetired && !this.isEnded && this.#unsettled.messages === 0) this.#core.retired(this);
  }
}

// What becomes of a queue's messages once they were handed to a member: done, back in front, later, dead. Counts each, and tells the
// disk. It does not decide who gets what (queue-supply.ts).

import type { Core } from "./core.ts";
import { publishDead } from "./dead-letter.ts";
import { LatestOutbox } from "./latest.ts";
import type { Queue } from "./queue.ts";
import type { QueueLog } from "./queue-log.ts";
import type { QueueWaiting } from "./queue-waiting.ts";
import type { Run } from "./run.ts";
import { topicOf } from "./topic-of.ts";

export type DeathReason = "attempts" | "rejected" | "expired";

export class QueueFate {
  readonly #core: Core;
  readonly #queue: Queue;
  readonly #waiting: QueueWaiting;
  readonly #log: QueueLog | undefined;

  constructor(core: Core, queue: Queue, waiting: QueueWaiting, log: QueueLog | undefined) {
    this.#core = core;
    this.#queue = queue;
    this.#waiting = waiting;
    this.#log = log;
  }

  /** Messages were written to a member that does not acknowledge, and are counted. */
  written(order: number, count: number): void {
    this.#log?.settle(order, count);
  }

  /** `run` is acknowledged. */
  done(run: Run): void {
    this.#leave(run);
    this.#queue.counters.settled += run.count;
    this.#forget(run);
  }

  /** `run` was not settled, through no fault of its own: in front of what waits again. */
  giveBack(run: Run): void {
    this.#leave(run);
    this.return(run);
  }

  /** An attempt at `run` failed. It is delivered again, after `delayMs`, or dead. */
  failed(run: Run, delayMs: number): void {
    const { maxAttempts } = this.#queue.options;
    if (maxAttempts > 0 && run.attempt >= maxAttempts) return this.dead(run, "attempts");
    this.#leave(run);
    run.attempt++;
    run.wasDelivered = true;
    for (let i = 0; i < run.count; i++) this.#log?.attempts(run.order + i, run.attempt);
    if (delayMs === 0) return this.return(run);
    const untilMs = this.#core.nowMs() + delayMs;
    for (let i = 0; i < run.count; i++) this.logTimes(run.order + i, untilMs);
    this.#waiting.delayed.add(run.compacted(this.#core.chunks), untilMs);
    this.#queue.countOthers();
  }

  /** `run`, which a member had, will not be delivered again. */
  dead(run: Run, reason: DeathReason): void {
    this.#leave(run);
    this.#queue.counters.dead += run.count;
    this.#bury(run, reason);
  }

  /** Whether `run`, a single message that waited, has outlived its time; it is then counted, and gone. */
  expire(run: Run): boolean {
    const untilMs = this.#waiting.expiries.get(run.order);
    if (untilMs === undefined || untilMs > this.#core.nowMs()) return false;
    this.#queue.counters.expired += run.count;
    this.#bury(run, "expired");
    return true;
  }

  /** `run`, which waited, has become a new message elsewhere: here it is done. */
  replayed(run: Run): void {
    this.#queue.counters.settled += run.count;
    this.#forget(run);
  }

  /** `run`, which waited, is dropped. */
  drop(run: Run): void {
    this.#queue.counters.dropped += run.count;
    this.#forget(run);
  }

  /** `run` waits again, where it was; in a queue that has ended it is dropped. */
  return(run: Run): void {
    if (this.#queue.isEnded) return this.drop(run);
    const { outbox } = this.#queue;
    const { partitions, returned } = this.#waiting;
    const key = run.count === 1 ? this.#waiting.keyOf(run) : undefined;
    if (outbox instanceof LatestOutbox) this.#returnLatest(run, outbox);
    // In front of those of its key that came later, and are put aside.
    else if (key !== undefined && partitions?.isParked(key)) partitions.park(key, run);
    else returned.add(run.compacted(this.#core.chunks));
    this.#queue.countOthers();
    outbox.touch();
  }

  /** `run`, which is on disk, waits again. */
  recall(run: Run): void {
    const { outbox } = this.#queue;
    if (outbox instanceof LatestOutbox) this.#returnLatest(run, outbox);
    else this.#waiting.returned.add(run);
  }

  /** Something newer of `topic` is going to wait: what came back of it goes. */
  replaceReturned(topic: string): void {
    if (this.#waiting.returned.messages === 0) return;
    for (const run of this.#waiting.returned.takeIf((it) => isOf(it, topic))) this.#lose(run);
    this.#queue.countOthers();
  }

  /**
   * The message with this place is not delivered before `notBeforeMs`, nor after its time to live: so that it is kept. Without a delay it
   * is not the present that is written: to the next broker that is a delay, where the clock on the wall was put back.
   */
  logTimes(order: number, notBeforeMs: number | undefined): void {
    const notAfterMs = this.#waiting.expiries.get(order) ?? Infinity;
    const fromMs = notBeforeMs === undefined ? 0 : this.#core.wallMs(notBeforeMs);
    this.#log?.times(order, fromMs, this.#core.wallMs(notAfterMs));
  }

  /** Of what comes back, only that waits again of whose topic nothing newer does. */
  #returnLatest(run: Run, outbox: LatestOutbox): void {
    const { returned } = this.#waiting;
    while (run.count > 0) {
      const one = run.count > 1 ? run.cut(1) : run;
      const topic = topicOf(one.chunk.buf, one.start, one.end);
      const isOld =
        (outbox.orderOf(topic) ?? -1) > one.order || returned.some((it) => it.order > one.order && isOf(it, topic));
      if (isOld) {
        this.#lose(one);
      } else {
        outbox.dropOf(topic);
        this.replaceReturned(topic);
        returned.add(one.compacted(this.#core.chunks));
      }
      if (one === run) break;
    }
  }

  /** A member no longer holds `run`. */
  #leave({ key, count }: Run): void {
    if (key !== undefined) this.#waiting.partitions?.release(key);
    this.#queue.counters.inFlight -= count;
  }

  #lose(run: Run): void {
    this.drop(run);
    this.#waiting.lost += run.count;
  }

  #bury(run: Run, reason: DeathReason): void {
    publishDead(this.#core, this.#queue, run, reason);
    this.#forget(run);
  }

  /** `run` has left the queue for good. */
  #forget(run: Run): void {
    this.#waiting.forgetTimes(run.order, run.count);
    this.#log?.settle(run.order, run.count);
    run.chunk.release();
  }
}

/** Whether the one message of `run` is of `topic`. */
function isOf({ chunk, start, end }: Run, topic: string): boolean {
  return topicOf(chunk.buf, start, end) === topic;
}

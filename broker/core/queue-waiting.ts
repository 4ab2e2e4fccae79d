// What waits in a queue outside its outbox: what came back, what is delayed, what is parked for the member that has its key. All of
// it counts in the queue's limit. And what was lost in front of all that waits, and until when each may be delivered.

import { Delayed } from "./delayed.ts";
import type { Core } from "./core.ts";
import { Partitions } from "./partitions.ts";
import type { QueueOptions } from "./queue-options.ts";
import { Returned } from "./returned.ts";
import type { Run } from "./run.ts";

export class QueueWaiting {
  readonly returned: Returned = new Returned();
  readonly delayed: Delayed;
  readonly partitions: Partitions | undefined;
  /** Until when those may be delivered that have a time to live, by their order. */
  readonly expiries: Map<number, number> = new Map();
  /** Messages lost in front of all that waits, of which nobody was told yet. */
  lost = 0;

  /** @param woken gets each delayed run when its time has come. */
  constructor(core: Core, { partitionBy, ack }: QueueOptions, woken: (run: Run) => void) {
    this.delayed = new Delayed(core.deadlines, woken);
    this.partitions = partitionBy === undefined ? undefined : new Partitions(partitionBy, ack);
  }

  get messages(): number {
    return this.returned.messages + this.delayed.messages + (this.partitions?.messages ?? 0);
  }

  get bytes(): number {
    return this.returned.bytes + this.delayed.bytes + (this.partitions?.bytes ?? 0);
  }

  /** `count` messages from `order` on have left the queue for good. */
  forgetTimes(order: number, count: number): void {
    const { expiries } = this;
    if (expiries.size === 0) return;
    if (count <= expiries.size) for (let i = 0; i < count; i++) expiries.delete(order + i);
    else for (const it of expiries.keys()) if (it >= order && it < order + count) expiries.delete(it);
  }

  /** In a partitioned queue: the key of a single message. */
  keyOf(run: Run): string | undefined {
    return (run.key ??= this.partitions?.keyOf(run.chunk, run.start, run.end));
  }

  /** Takes the message that was published first, of those that came back or are parked. */
  takeOldest(): Run | undefined {
    const parked = this.partitions?.oldestOrder ?? Infinity;
    return parked < (this.returned.first?.order ?? Infinity) ? this.partitions?.takeOldest() : this.returned.take(1);
  }

  /** Takes all of it. */
  *drain(): Iterable<Run> {
    yield* this.returned.drain();
    yield* this.delayed.drain();
    if (this.partitions !== undefined) yield* this.partitions.drain();
  }

  *[Symbol.iterator](): Iterator<Run> {
    yield* this.returned;
    yield* this.delayed;
    if (this.partitions !== undefined) yield* this.partitions;
  }
}

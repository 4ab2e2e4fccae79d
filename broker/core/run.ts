// Messages of a queue that are somewhere between waiting and settled: consecutive frames in one chunk, with the same past.

import type { ChunkPool, PooledChunk } from "./chunks.ts";
import { countFrames, frameEnd } from "./frames.ts";

/** A range is copied that has less than this part of its chunk: it may be long until it is settled. */
const COPY_RATIO = 4;

export class Run {
  readonly chunk: PooledChunk;
  start: number;
  end: number;
  count: number;
  /** The place of its first message among all that the queue took; the others follow. */
  order: number;
  /** Which attempt its next delivery is, or this one: 1 is the first. */
  attempt = 1;
  /** Whether it has been delivered before. */
  wasDelivered = false;
  /** The number of its first message at the member that holds it. */
  seq = 0;
  /** When it first left the outbox, or came from the disk: for its age. */
  readonly sinceMs: number;
  /** In a partitioned queue, the key of its one message. */
  key: string | undefined;

  /** Owns a share of `chunk`: the caller has retained it, and whoever ends the run releases it. */
  constructor(chunk: PooledChunk, start: number, end: number, count: number, order: number, sinceMs: number) {
    this.sinceMs = sinceMs;
    this.chunk = chunk;
    this.start = start;
    this.end = end;
    this.count = count;
    this.order = order;
  }

  /** A run of its own for a range: copied where it is small beside the chunk that it would keep. */
  static of(pool: ChunkPool, chunk: PooledChunk, start: number, end: number, count: number, order: number): Run {
    const bytes = end - start;
    if (bytes * COPY_RATIO > chunk.buf.length) {
      chunk.retain();
      return new Run(chunk, start, end, count, order, pool.turnMs);
    }
    const copy = pool.takeExactly(bytes);
    chunk.buf.copy(copy.buf, 0, start, end);
    return new Run(copy, 0, bytes, count, order, pool.turnMs);
  }

  get bytes(): number {
    return this.end - this.start;
  }

  /** Counts its messages anew, by walking them: for checks of the books. */
  recount(): number {
    return countFrames(this.chunk.buf, this.start, this.end);
  }

  /** This run, in a chunk of its own where it has become small beside the one that it keeps. */
  compacted(pool: ChunkPool): Run {
    if (this.bytes * COPY_RATIO > this.chunk.buf.length) return this;
    const copy = pool.takeExactly(this.bytes);
    this.chunk.buf.copy(copy.buf, 0, this.start, this.end);
    this.chunk.release();
    const run = new Run(copy, 0, this.bytes, this.count, this.order, this.sinceMs);
    run.#isLike(this);
    return run;
  }

  #isLike({ attempt, wasDelivered, seq, key }: Run): void {
    this.attempt = attempt;
    this.wasDelivered = wasDelivered;
    this.seq = seq;
    this.key = key;
  }

  /** Cuts the first `count` messages off, which become a run of their own. */
  cut(count: number): Run {
    let at = this.start;
    for (let i = 0; i < count; i++) at = frameEnd(this.chunk.buf, at, this.end);
    this.chunk.retain();
    const first = new Run(this.chunk, this.start, at, count, this.order, this.sinceMs);
    first.#isLike(this);
    this.start = at;
    this.count -= count;
    this.order += count;
    this.seq += count;
    return first;
  }
}

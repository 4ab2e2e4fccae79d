// What the tests of outbox and link share: frames in chunks as publishers leave them, and a sink that remembers.

import { ChunkPool, type PooledChunk } from "../../../../broker/core/chunks.ts";
import type { OutboxOwner, RangeSink } from "../../../../broker/core/outbox.ts";
import { decodeFirst, frame } from "../../../support/msgpack.ts";

/** One connection's reading: frames stand one behind the other in a chunk, until the next does not fit. */
export class Reader {
  readonly #pool: ChunkPool;
  readonly #chunkBytes: number;
  #chunk: PooledChunk | undefined;
  #used = 0;

  constructor(pool: ChunkPool, chunkBytes: number) {
    this.#pool = pool;
    this.#chunkBytes = chunkBytes;
  }

  /** A frame that says `number`, with `ballast` bytes. */
  read(number: number, ballast: number): { chunk: PooledChunk; start: number; end: number } {
    const bytes = frame(1, "t", number, null, Buffer.alloc(ballast));
    if (this.#chunk === undefined || this.#chunkBytes - this.#used < bytes.length) {
      this.close();
      this.#chunk = this.#pool.takeExactly(Math.max(this.#chunkBytes, bytes.length));
      this.#used = 0;
    }
    const start = this.#used;
    bytes.copy(this.#chunk.buf, start);
    this.#used += bytes.length;
    return { chunk: this.#chunk, start, end: this.#used };
  }

  close(): void {
    this.#chunk?.release();
    this.#chunk = undefined;
  }
}

/** The numbers of the frames in `buf[start … end)`. */
export function numbersIn(buf: Buffer, start: number, end: number): number[] {
  const numbers: number[] = [];
  for (let at = start; at < end;) {
    const { elements, bytes } = decodeFirst(buf.subarray(at, end))!;
    numbers.push(elements[2] as number);
    at += bytes.length;
  }
  return numbers;
}

/** A message by its number, or how many were lost at this point. */
export type Seen = number | { lost: number };

/** Remembers what it was handed, and checks that each range says where in the order it stands. */
export class Sink implements RangeSink {
  readonly seen: Seen[] = [];
  readonly orders: number[] = [];
  bytes = 0;

  range(chunk: PooledChunk, start: number, end: number, count: number, order: number): void {
    const numbers = numbersIn(chunk.buf, start, end);
    if (numbers.length !== count) throw new Error(`a range of ${count} holds ${numbers.length}`);
    for (let i = 0; i < count; i++) this.orders.push(order + i);
    this.seen.push(...numbers);
    this.bytes += end - start;
  }

  gap(lost: number): void {
    this.seen.push({ lost });
  }
}

/** An owner of whom nothing is expected but that it is told. */
export class Owner implements OutboxOwner {
  touches = 0;
  drains = 0;

  touch(): void {
    this.touches++;
  }

  drained(): void {
    this.drains++;
  }

  relieve(): void {}

  dropOldest(): boolean {
    return false;
  }

  replaced(): void {}

  disconnect(): void {}

  isNew(): boolean {
    return true;
  }

  remember(): void {}

  readonly heldBytes = 0;

  take(): void {}
}

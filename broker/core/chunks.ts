// The buffers that messages live in: read into by connections, held by whatever waits or is being written, used again when
// nobody holds them. `heldBytes` is what the broker really holds, each chunk once. Cost: a count up and down per run.

import type { Chunk, ChunkSource } from "../../shared/codec/intake.ts";

/** Sizes that are used again, each with how many free ones are kept: what one turn of a busy broker has in hand. */
const POOLED_BYTES = 64 * 1024;
const MAX_FREE = 64;
const LARGE_BYTES = 256 * 1024;
const MAX_FREE_LARGE = 16;

export class PooledChunk implements Chunk {
  readonly buf: Buffer;
  /** {@link buf}, to be read several bytes at a time. */
  readonly view: DataView;
  readonly #pool: ChunkPool;
  #owners = 1;

  constructor(pool: ChunkPool, bytes: number) {
    this.#pool = pool;
    this.buf = Buffer.allocUnsafeSlow(bytes);
    this.view = new DataView(this.buf.buffer);
  }

  get shared(): boolean {
    return this.#owners > 1;
  }

  /** How many hold it, its reader among them. */
  get owners(): number {
    return this.#owners;
  }

  retain(): void {
    this.#owners++;
  }

  release(): void {
    if (--this.#owners === 0) this.#pool.give(this);
    else if (this.#owners < 0) throw new Error("a chunk was released more often than retained");
  }

  /** Only the pool calls this: the chunk is owned once again. */
  revive(): this {
    this.#owners = 1;
    return this;
  }
}

export class ChunkPool implements ChunkSource {
  readonly #free: PooledChunk[] = [];
  readonly #freeLarge: PooledChunk[] = [];
  /** Bytes of all chunks that somebody owns. */
  heldBytes = 0;
  /** Bytes of chunks that nobody owns and that are not used again, since the collector was last asked to free them. */
  discardedBytes = 0;
  /** When the last read was: coarse, for ages. */
  turnMs = 0;

  take(bytes: number): PooledChunk {
    if (bytes > POOLED_BYTES / 2 && bytes <= POOLED_BYTES) return this.#again(this.#free, POOLED_BYTES);
    if (bytes > LARGE_BYTES / 2 && bytes <= LARGE_BYTES) return this.#again(this.#freeLarge, LARGE_BYTES);
    return this.takeExactly(bytes);
  }

  /** A chunk of `bytes`, which is not used again. */
  takeExactly(bytes: number): PooledChunk {
    this.heldBytes += bytes;
    return new PooledChunk(this, bytes);
  }

  /** Only chunks call this: nobody owns `chunk` any longer. */
  give(chunk: PooledChunk): void {
    this.heldBytes -= chunk.buf.length;
    if (chunk.buf.length === POOLED_BYTES && this.#free.length < MAX_FREE) this.#free.push(chunk);
    else if (chunk.buf.length === LARGE_BYTES && this.#freeLarge.length < MAX_FREE_LARGE) this.#freeLarge.push(chunk);
    else this.discardedBytes += chunk.buf.length;
  }

  #again(free: PooledChunk[], bytes: number): PooledChunk {
    this.heldBytes += bytes;
    return free.pop()?.revive() ?? new PooledChunk(this, bytes);
  }
}

/** Bytes of `chunks`, each once, however often it is among them. */
export function bytesOfAll(chunks: Iterable<PooledChunk>): number {
  let bytes = 0;
  for (const { buf } of new Set(chunks)) bytes += buf.length;
  return bytes;
}

// The buffers that messages live in: read into by connections, held by whatever waits or is being written, used again when
// nobody holds them. `heldBytes` is what the broker really holds, each chunk once. Cost: a count up and down per run.
//
// A buffer that is not used again is the collector's, and V8 walks the whole heap for every few dozen MiB of them: at gigabytes
// a second that cost a fifth of the rate of 16 KiB messages. So sizes are rounded up to a class, as allocators do, and free chunks are
// kept by class.

import type { Chunk, ChunkSource } from "../../shared/codec/intake.ts";

/** Up to this a chunk has just the size that was asked for, and is not used again: it waits for long, or hardly costs. */
const EXACT_BYTES = 32 * 1024;
const LEAST_POOLED_BYTES = 64 * 1024;
/** Larger ones are rare, and each would take much of what may be kept. */
const MOST_POOLED_BYTES = 1024 * 1024;
/** Sixteen classes to a doubling: a chunk is at most a sixteenth larger than what was asked for. */
const LOG2_CLASSES = 4;
/** What may be free: two connections at full speed have that much in hand (8 MiB each may wait to be written). */
const MOST_FREE_BYTES = 16 * 1024 * 1024;
/** What stays free when the rest is let go of: what a turn of a busy broker has in hand. */
export const KEPT_FREE_BYTES: number = 4 * 1024 * 1024;

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
  /** By size. */
  readonly #free = new Map<number, PooledChunk[]>();
  /** Bytes of the chunks that nobody owns and that will be used again. */
  freeBytes = 0;
  /** The least of {@link freeBytes} since {@link trim}: what nobody has needed since. */
  #spareBytes = 0;
  /** Bytes of all chunks that somebody owns. */
  heldBytes = 0;
  /** Bytes of chunks that nobody owns and that are not used again, since the collector was last asked to free them. */
  discardedBytes = 0;
  /** When the last read was: coarse, for ages. */
  turnMs = 0;

  take(bytes: number): PooledChunk {
    const size = sizeFor(bytes);
    if (size === 0) return this.takeExactly(bytes);
    this.heldBytes += size;
    const free = this.#free.get(size)?.pop();
    if (free === undefined) return new PooledChunk(this, size);
    this.freeBytes -= size;
    if (this.freeBytes < this.#spareBytes) this.#spareBytes = this.freeBytes;
    return free.revive();
  }

  /** A chunk of `bytes` and no more. */
  takeExactly(bytes: number): PooledChunk {
    this.heldBytes += bytes;
    return new PooledChunk(this, bytes);
  }

  /** Only chunks call this: nobody owns `chunk` any longer. */
  give(chunk: PooledChunk): void {
    const size = chunk.buf.length;
    this.heldBytes -= size;
    if (sizeFor(size) !== size || !this.#makeRoom(size)) {
      this.discardedBytes += size;
      return;
    }
    this.freeBytes += size;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [chunk]);
    else free.push(chunk);
  }

  /** Lets go of the free chunks that nobody has needed since it was last called. Returns their bytes. */
  trim(): number {
    const before = this.freeBytes;
    this.#discardTo(Math.max(KEPT_FREE_BYTES, before - this.#spareBytes));
    this.#spareBytes = this.freeBytes;
    return before - this.freeBytes;
  }

  /** Lets go of free chunks whether or not they are needed soon. */
  trimAll(): void {
    this.#discardTo(KEPT_FREE_BYTES);
  }

  /** Other sizes make way for one that is in use. Returns whether there is room. */
  #makeRoom(size: number): boolean {
    if (this.freeBytes + size > MOST_FREE_BYTES) this.#discardTo(0, size);
    return this.freeBytes + size <= MOST_FREE_BYTES;
  }

  /** Those that came into use first go first. Of `exceptSize` all stay. */
  #discardTo(keptBytes: number, exceptSize?: number): void {
    for (const [size, chunks] of this.#free) {
      if (size === exceptSize) continue;
      while (this.freeBytes > keptBytes && chunks.pop() !== undefined) {
        this.freeBytes -= size;
        this.discardedBytes += size;
      }
      if (chunks.length === 0) this.#free.delete(size);
    }
    if (this.freeBytes < this.#spareBytes) this.#spareBytes = this.freeBytes;
  }
}

/** The size of the class that `bytes` belong to, 0 where there is none. */
function sizeFor(bytes: number): number {
  if (bytes <= EXACT_BYTES || bytes > MOST_POOLED_BYTES) return 0;
  if (bytes <= LEAST_POOLED_BYTES) return LEAST_POOLED_BYTES;
  const log2 = 31 - Math.clz32(bytes - 1);
  const step = 1 << (log2 - LOG2_CLASSES);
  return (bytes + step - 1) & -step;
}

/** Bytes of `chunks`, each once, however often it is among them. */
export function bytesOfAll(chunks: Iterable<PooledChunk>): number {
  let bytes = 0;
  for (const { buf } of new Set(chunks)) bytes += buf.length;
  return bytes;
}

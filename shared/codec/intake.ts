// Turns bytes as they come into whole frames. Owns the chunk that bytes are read into: the transport asks for room, fills it, and
// frames are then scanned in place, so a frame is never assembled from pieces: one that does not fit behind the others is
// moved to a chunk where it does.
//
//   chunk  |  scanned and acted upon  |  rest of a frame ...  |  room for the next read  |
//          0                       #scanned               #filled                     capacity
//
// Cost: nothing per message; per chunk at most one copy of a frame's beginning. Bounded: a frame that announces more than a
// mebibyte gets room as its bytes really come, four times as much at a time.

import { type Frame, Scan, scanFrame } from "./scan.ts";

/** A buffer with an owner count. `retain` when a range of it is kept, `release` when that is over. */
export interface Chunk {
  readonly buf: Buffer;
  /** Whether anybody but its reader may still look at what was read into it: then it is not written over. */
  readonly shared: boolean;
  retain(): void;
  release(): void;
}

/** Where chunks come from. A new chunk is owned once. */
export interface ChunkSource {
  /** A chunk of at least `bytes`. */
  take(bytes: number): Chunk;
}

const FIRST_CHUNK_BYTES = 4 * 1024;
/** What a chunk has once a read has filled one: an idle connection keeps a small one only. */
const CHUNK_BYTES = 64 * 1024;
/** What it has once frames of an eighth of that or more come: fewer of them are cut by a chunk's end, and have to be moved. */
const LARGE_CHUNK_BYTES = 256 * 1024;
const LARGE_FRAME_BYTES: number = CHUNK_BYTES / 8;
/** Less room than this is not worth a read: a new chunk is begun. */
const MIN_ROOM_BYTES = 2 * 1024;
/** Room given at once to a frame that has only been announced. */
const MAX_FIRST_BYTES = 1024 * 1024;
/** A larger chunk is kept only for as long as frames come that need it. */
const MOST_KEPT_BYTES: number = 2 * MAX_FIRST_BYTES;

export class Intake {
  readonly #source: ChunkSource;
  #chunk: Chunk | undefined;
  #scanned = 0;
  #filled = 0;
  /** Bytes from #scanned that are needed before scanning on is worthwhile. */
  #need = 1;
  #chunkBytes = FIRST_CHUNK_BYTES;
  /** The largest frame allowed, all of its bytes. May change between frames. */
  maxFrameBytes: number;

  constructor(source: ChunkSource, maxFrameBytes: number) {
    this.#source = source;
    this.maxFrameBytes = maxFrameBytes;
  }

  /** The chunk of the frame that {@link next} found. */
  get chunk(): Chunk {
    return this.#chunk!;
  }

  /** Bytes that were read and do not make a whole frame yet. */
  get pendingBytes(): number {
    return this.#filled - this.#scanned;
  }

  /** Where the next bytes go. Never empty. */
  room(): Buffer {
    const chunk = this.#chunk;
    const pending = this.#filled - this.#scanned;
    if (chunk !== undefined && !this.#isSpare(chunk)) {
      const capacity = chunk.buf.length;
      // A small one that was filled makes way for one of the usual size.
      if (pending === 0 && !chunk.shared && capacity >= this.#chunkBytes) this.#scanned = this.#filled = 0;
      const fits = this.#scanned + this.#need <= capacity;
      // A frame that is longer than the chunk fills it first, if the chunk is all its own.
      const enough = pending === 0 || !fits ? MIN_ROOM_BYTES : 1;
      if (capacity - this.#filled >= enough && (fits || this.#scanned === 0)) return chunk.buf.subarray(this.#filled);
      if (this.#need <= capacity && capacity >= this.#chunkBytes && !chunk.shared) {
        chunk.buf.copyWithin(0, this.#scanned, this.#filled);
        this.#scanned = 0;
        this.#filled = pending;
        return chunk.buf.subarray(pending);
      }
    }
    if (pending > 0 && this.#need >= LARGE_FRAME_BYTES) this.#chunkBytes = LARGE_CHUNK_BYTES;
    const wanted = Math.min(
      Math.max(this.#chunkBytes, this.#need + MIN_ROOM_BYTES),
      Math.max(MAX_FIRST_BYTES, pending * 4),
    );
    const fresh = this.#source.take(wanted);
    if (chunk !== undefined) {
      if (pending > 0) chunk.buf.copy(fresh.buf, 0, this.#scanned, this.#filled);
      chunk.release();
    }
    this.#chunk = fresh;
    this.#scanned = 0;
    this.#filled = pending;
    return fresh.buf.subarray(pending);
  }

  /** `bytes` were put into the {@link room}. */
  filled(bytes: number): void {
    this.#filled += bytes;
    if (this.#filled === this.#chunk!.buf.length) this.#chunkBytes = Math.max(this.#chunkBytes, CHUNK_BYTES);
  }

  /**
   * Scans the next frame into `frame`, in {@link chunk}. After FRAME the intake has moved past it; its bytes stay where they are
   * until the next {@link room}, and longer where the chunk is retained.
   */
  next(frame: Frame): Scan {
    const pending = this.#filled - this.#scanned;
    if (pending < this.#need) return Scan.MORE;
    const result = scanFrame(this.#chunk!.buf, this.#scanned, this.#filled, this.maxFrameBytes, frame);
    if (result === Scan.FRAME) {
      this.#scanned = frame.end;
      this.#need = 1;
    } else if (result === Scan.MORE) {
      this.#need = frame.need;
    }
    return result;
  }

  /** Where what was read ends, in {@link chunk}. */
  get filledTo(): number {
    return this.#filled;
  }

  /** What comes before `end`, the end of a frame, has been acted upon without {@link next}. */
  passTo(end: number): void {
    this.#scanned = end;
  }

  /** The op of the frame that is not whole yet, or -1 where that can't be told. */
  firstOp(): number {
    const at = this.#scanned + (this.#chunk?.buf[this.#scanned] === 0xdc ? 3 : 1);
    return at < this.#filled ? this.#chunk!.buf[at]! : -1;
  }

  /** Whether it was made for a large frame, and what comes now takes but little of it. */
  #isSpare({ buf: { length } }: Chunk): boolean {
    return length > MOST_KEPT_BYTES && this.#scanned === this.#filled && this.#filled < length / 4;
  }

  /** Lets go of the chunk. Nothing may be called afterwards. */
  close(): void {
    this.#chunk?.release();
    this.#chunk = undefined;
    this.#filled = this.#scanned = 0;
  }
}

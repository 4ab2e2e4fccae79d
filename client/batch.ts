// What goes to the broker next: frames of one turn of the event loop are encoded into one buffer and written once, at the turn's
// end or as soon as there are 64 KiB. It knows the transport, and neither topics nor frames. Cost: nothing per message but a
// comparison; a write a turn. Buffers are used again as soon as the transport has taken them.
//
//   writer  ->  #waiting (while a write is under way)  ->  transport
//
// `mayGo` keeps publishers from running ahead of what the broker may have to say: at most 512 KiB a turn, and 512 KiB untaken.

import { FrameWriter } from "../shared/codec/write.ts";
import type { Env } from "./env.ts";
import type { Transport } from "./transport.ts";

const FLUSH_BYTES: number = 64 * 1024;
const BUFFER_BYTES = 2 * FLUSH_BYTES;
/**
 * Buffers are filled from here. Large ones begin at the same offset of a page as the large payloads that are copied into them, and a
 * copy whose target is less than 32 bytes ahead of its source, modulo 4096, takes fifteen times as long on some processors (measured
 * on an AMD EPYC: 94 against 6 µs for 256 KiB). A frame's header is about that long, so it must not be the only distance.
 */
const LEAD_BYTES = 128;
const HIGH_WATER_BYTES = 512 * 1024;
const TURN_BYTES = 512 * 1024;
/** Buffers that are kept for use, together: what was just written is warm, and a new one costs page faults. */
const MAX_SPARE_BYTES = 2 * 1024 * 1024;

export interface BatchHooks {
  /** Right before a write: what is gathered elsewhere goes into the writer now. */
  beforeWrite(): void;
  /** There may be room again. */
  room(): void;
}

export class Batch {
  /** Frames are written here; then {@link touched} must be called. */
  readonly writer: FrameWriter = new FrameWriter(BUFFER_BYTES);
  readonly #env: Env;
  readonly #hooks: BatchHooks;
  #transport: Transport | undefined;
  #busy = false;
  #scheduled = false;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** The buffers of what waits, and of the write under way: ours again when that is done. */
  #waitingBuffers: Buffer[] = [];
  #sentBuffers: Buffer[] = [];
  readonly #spare: Buffer[] = [];
  #spareBytes = 0;
  #turnBytes = 0;
  #turnEnds = false;

  constructor(env: Env, hooks: BatchHooks) {
    this.#env = env;
    this.#hooks = hooks;
    this.writer.length = LEAD_BYTES;
  }

  attach(transport: Transport): void {
    this.detach();
    this.#transport = transport;
  }

  /** What was not written is dropped. */
  detach(): void {
    this.#transport = undefined;
    this.#busy = false;
    this.writer.length = LEAD_BYTES;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#waitingBuffers = [];
    this.#sentBuffers = []; // the old transport may still look at them
  }

  /** Bytes that the transport has not taken. */
  get pendingBytes(): number {
    return (this.#transport?.untakenBytes() ?? 0) + this.#waitingBytes + this.#unwritten;
  }

  /** Whether more should be put in this turn. */
  get mayGo(): boolean {
    return this.#transport !== undefined && this.#turnBytes < TURN_BYTES && this.pendingBytes < HIGH_WATER_BYTES;
  }

  /** Something was put into the writer. True where that led to a write, so that {@link mayGo} may have changed. */
  touched(): boolean {
    if (this.writer.length >= LEAD_BYTES + FLUSH_BYTES) {
      this.flush();
      return true;
    }
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#env.atTurnEnd(this.#turnEnd);
    }
    return false;
  }

  /** Sends `bytes`, frames that nobody will change, without copying them. */
  append(bytes: Buffer): void {
    this.#stash();
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.flush();
  }

  flush(): void {
    const transport = this.#transport;
    if (transport === undefined) return;
    this.#hooks.beforeWrite();
    if (this.#busy) {
      if (this.#unwritten >= FLUSH_BYTES) this.#stash();
      return;
    }
    const bytes = this.#waitingBytes + this.#unwritten;
    if (bytes === 0) return;
    this.#count(bytes);
    const ranges = this.#waiting;
    if (this.#unwritten > 0) ranges.push(this.#range());
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#sentBuffers = this.#waitingBuffers;
    this.#waitingBuffers = [];
    if (transport.write(ranges)) {
      this.writer.length = LEAD_BYTES;
      this.#recycle();
    } else {
      this.#busy = true;
      if (this.#unwritten > 0) this.#sentBuffers.push(this.#swap());
    }
  }

  /** The transport has taken the write that was under way. */
  written(): void {
    this.#busy = false;
    this.#recycle();
    this.#turnBytes = 0;
    this.flush();
    this.#hooks.room();
  }

  /** A new turn has begun, by input. */
  newTurn(): void {
    this.#turnBytes = 0;
  }

  readonly #turnEnd = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  /** Bytes in the writer. */
  get #unwritten(): number {
    return this.writer.length - LEAD_BYTES;
  }

  #range(): Buffer {
    return this.writer.buf.subarray(LEAD_BYTES, this.writer.length);
  }

  /** Puts what is in the writer behind what waits. */
  #stash(): void {
    if (this.#unwritten === 0) return;
    this.#waiting.push(this.#range());
    this.#waitingBytes += this.#unwritten;
    this.#waitingBuffers.push(this.#swap());
  }

  /** The writer goes on in another buffer. Returns the one that it had. */
  #swap(): Buffer {
    const { buf } = this.writer;
    const spare = this.#spare.pop();
    if (spare !== undefined) this.#spareBytes -= spare.length;
    this.writer.buf = spare ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.writer.length = LEAD_BYTES;
    return buf;
  }

  /** The write is done. */
  #recycle(): void {
    for (const buf of this.#sentBuffers) {
      if (this.#spareBytes + buf.length > MAX_SPARE_BYTES) continue;
      this.#spare.push(buf);
      this.#spareBytes += buf.length;
    }
    this.#sentBuffers.length = 0;
  }

  #count(bytes: number): void {
    this.#turnBytes += bytes;
    if (this.#turnBytes < TURN_BYTES || this.#turnEnds) return;
    this.#turnEnds = true;
    this.#env.nextTurn(() => {
      this.#turnEnds = false;
      this.#turnBytes = 0;
      this.#hooks.room();
    });
  }
}

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

export const FLUSH_BYTES: number = 64 * 1024;
const BUFFER_BYTES = 2 * FLUSH_BYTES;
const HIGH_WATER_BYTES = 512 * 1024;
const TURN_BYTES = 512 * 1024;
const MAX_SPARE = 4;
const MAX_SPARE_BYTES = 1024 * 1024;

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
  /** Buffers that come back with the write under way, or with the next one. */
  #lent: Buffer[] = [];
  readonly #spare: Buffer[] = [];
  #turnBytes = 0;
  #turnEnds = false;

  constructor(env: Env, hooks: BatchHooks) {
    this.#env = env;
    this.#hooks = hooks;
  }

  attach(transport: Transport): void {
    this.detach();
    this.#transport = transport;
  }

  /** What was not written is dropped. */
  detach(): void {
    this.#transport = undefined;
    this.#busy = false;
    this.writer.reset();
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#lent = []; // the old transport may still look at them
  }

  /** Bytes that the transport has not taken. */
  get pendingBytes(): number {
    return (this.#transport?.untakenBytes() ?? 0) + this.#waitingBytes + this.writer.length;
  }

  /** Whether more should be put in this turn. */
  get mayGo(): boolean {
    return this.#transport !== undefined && this.#turnBytes < TURN_BYTES && this.pendingBytes < HIGH_WATER_BYTES;
  }

  /** Something was put into the writer. True where that led to a write, so that {@link mayGo} may have changed. */
  touched(): boolean {
    if (this.writer.length >= FLUSH_BYTES) {
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
    const { writer } = this;
    if (this.#busy) {
      if (writer.length >= FLUSH_BYTES) this.#stash();
      return;
    }
    const bytes = this.#waitingBytes + writer.length;
    if (bytes === 0) return;
    this.#count(bytes);
    if (this.#waiting.length === 0) {
      if (transport.write([writer.bytes()])) writer.length = 0;
      else this.#sent();
      return;
    }
    const ranges = this.#waiting;
    if (writer.length > 0) ranges.push(writer.bytes());
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (transport.write(ranges)) {
      writer.length = 0;
      this.#recycle();
    } else {
      this.#sent();
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

  /** The write is under way: the writer goes on in another buffer. */
  #sent(): void {
    this.#busy = true;
    if (this.writer.length > 0) this.#swap();
  }

  /** Puts what is in the writer behind what waits. */
  #stash(): void {
    if (this.writer.length === 0) return;
    this.#waiting.push(this.writer.bytes());
    this.#waitingBytes += this.writer.length;
    this.#swap();
  }

  #swap(): void {
    this.#lent.push(this.writer.buf);
    this.writer.buf = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.writer.length = 0;
  }

  #recycle(): void {
    // Those of ranges that still wait are among the lent ones: none comes back before all of them were written.
    if (this.#waiting.length > 0 || this.#lent.length === 0) return;
    for (const buf of this.#lent) {
      if (this.#spare.length < MAX_SPARE && buf.length <= MAX_SPARE_BYTES) this.#spare.push(buf);
    }
    this.#lent = [];
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

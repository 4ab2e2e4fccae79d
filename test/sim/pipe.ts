// One direction of a simulated socket: what the writer has offered and nobody has taken, and what the kernel has taken and nobody has
// read. Ranges that are not taken are not copied: who changes them too early sends something else, as with a real socket.

import { copyOf } from "./bytes.ts";

export class Pipe {
  /** Bytes that the kernel takes before a writer has to wait. */
  readonly capacity: number;
  /** Bytes taken and not read. */
  heldBytes = 0;
  /** All that was ever taken, and read. */
  takenBytes = 0;
  readBytes = 0;
  /** The reader is no more: nothing is taken. */
  isBroken = false;
  #untaken: Buffer[] = [];
  #untakenBytes = 0;
  #held: Buffer[] = [];
  #headOffset = 0;
  readonly #isKept: boolean;
  readonly #taken: (buf: Buffer) => void;

  /** @param isKept whether the bytes are read again, or only counted. @param taken sees all that is taken, as it is at that moment. */
  constructor(capacity: number, isKept: boolean, taken: (buf: Buffer) => void) {
    this.capacity = capacity;
    this.#isKept = isKept;
    this.#taken = taken;
  }

  get untakenBytes(): number {
    return this.#untakenBytes;
  }

  /** True where all of it was taken at once. */
  write(ranges: readonly Buffer[]): boolean {
    for (const range of ranges) {
      if (range.length === 0) continue;
      this.#untaken.push(range);
      this.#untakenBytes += range.length;
    }
    return this.take();
  }

  /** Takes what there is room for. True where nothing is left. */
  take(): boolean {
    while (this.#untaken.length > 0 && this.heldBytes < this.capacity && !this.isBroken) {
      const range = this.#untaken[0]!;
      const bytes = Math.min(range.length, this.capacity - this.heldBytes);
      const taken = bytes === range.length ? range : range.subarray(0, bytes);
      if (this.#isKept) this.#held.push(copyOf(taken));
      this.heldBytes += bytes;
      this.takenBytes += bytes;
      this.#untakenBytes -= bytes;
      if (bytes === range.length) this.#untaken.shift();
      else this.#untaken[0] = range.subarray(bytes);
      this.#taken(taken);
    }
    return this.#untakenBytes === 0;
  }

  /** Copies at most `bytes` into `into`; returns how many. */
  read(into: Buffer, bytes: number): number {
    let copied = 0;
    while (copied < bytes && this.#held.length > 0) {
      const head = this.#held[0]!;
      const count = Math.min(bytes - copied, head.length - this.#headOffset);
      head.copy(into, copied, this.#headOffset, this.#headOffset + count);
      copied += count;
      this.#headOffset += count;
      if (this.#headOffset === head.length) {
        this.#held.shift();
        this.#headOffset = 0;
      }
    }
    this.#wasRead(copied);
    return copied;
  }

  /** Reads `bytes` that are only counted. */
  skip(bytes: number): void {
    this.#wasRead(bytes);
  }

  #wasRead(bytes: number): void {
    this.heldBytes -= bytes;
    this.readBytes += bytes;
  }
}

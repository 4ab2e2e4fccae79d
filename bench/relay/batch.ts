// The relay's way out: the records of one turn of the event loop are put into one buffer and written once, at the turn's end or as
// soon as there are 64 KiB; a buffer is used again as soon as the kernel has taken it. One who awaits what `room` returns puts at
// most 512 KiB into a turn. It is what the client does, without anything of a bus. Cost: one copy a record.

import type { Socket } from "node:net";

const FLUSH_BYTES = 64 * 1024;
const TURN_BYTES = 512 * 1024;

export class Batch {
  buf: Buffer = Buffer.allocUnsafeSlow(2 * FLUSH_BYTES);
  length = 0;
  /** Called before a write: what is gathered elsewhere is put in now. */
  beforeWrite: () => void = () => {};
  readonly #socket: Socket;
  #spare: Buffer | undefined;
  #lent: Buffer | undefined;
  #isScheduled = false;
  #turnBytes = 0;
  #room: Promise<void> | undefined;
  #resolveRoom: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.length + bytes <= this.buf.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.buf.length, this.length + bytes));
    this.buf.copy(larger, 0, 0, this.length);
    this.buf = larger;
  }

  /** There are `bytes` to be written. A promise where the sender is to wait for room. */
  touched(bytes: number = this.length): Promise<void> | undefined {
    if (bytes >= FLUSH_BYTES) return this.#flush();
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      process.nextTick(this.#turnEnd);
    }
    return undefined;
  }

  /** Resolves once the kernel has taken everything. */
  async flushed(): Promise<void> {
    this.beforeWrite();
    while (this.length > 0 || this.#lent !== undefined) await (this.#flush() ?? this.#nextTurn());
  }

  readonly #turnEnd = (): void => {
    this.#isScheduled = false;
    void this.#flush();
  };

  #flush(): Promise<void> | undefined {
    if (this.#lent !== undefined) return this.#waitForRoom();
    this.beforeWrite();
    if (this.length === 0) return undefined;
    const { buf } = this;
    this.#turnBytes += this.length;
    this.#socket.write(buf.subarray(0, this.length), this.#taken);
    this.length = 0;
    if (this.#socket.writableLength > 0) {
      this.#lent = buf;
      this.buf = this.#spare ?? Buffer.allocUnsafeSlow(buf.length);
      this.#spare = undefined;
    }
    return this.#turnBytes >= TURN_BYTES ? this.#nextTurn() : undefined;
  }

  readonly #taken = (): void => {
    if (this.#lent === undefined || this.#socket.writableLength > 0) return;
    this.#spare = this.#lent;
    this.#lent = undefined;
    void this.#flush();
    if (this.#lent === undefined) this.#hasRoom();
  };

  #nextTurn(): Promise<void> {
    const room = this.#waitForRoom();
    setImmediate(() => {
      if (this.#lent === undefined) this.#hasRoom();
    });
    return room;
  }

  #waitForRoom(): Promise<void> {
    return (this.#room ??= new Promise((resolve) => {
      this.#resolveRoom = resolve;
    }));
  }

  #hasRoom(): void {
    this.#turnBytes = 0;
    this.#room = undefined;
    this.#resolveRoom();
  }
}

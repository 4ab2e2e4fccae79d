// Writes frames: a buffer that grows, and one short method for each msgpack form that podbus uses. Pure. The client encodes a
// turn's publishes into one of these; the broker writes its small control frames through one and copies them on.

const NO_BYTES: Buffer = Buffer.alloc(0);

const EXT8_HEADER = 3;

/** Grows by doubling. Not a stream: whoever owns it takes what was written and lets it begin anew. */
export class FrameWriter {
  /** What was written is `buf[0 … length)`. Changes when it grows. */
  buf: Buffer;
  length = 0;
  #view: DataView | undefined;
  #viewed: Buffer | undefined;

  /** @param capacity bytes to begin with; 0 allocates at the first write. */
  constructor(capacity = 0) {
    this.buf = capacity === 0 ? NO_BYTES : Buffer.allocUnsafeSlow(capacity);
  }

  /** {@link buf} for those who write several bytes at once. */
  get view(): DataView {
    if (this.#view === undefined || this.#viewed !== this.buf) {
      this.#viewed = this.buf;
      this.#view = new DataView(this.buf.buffer, this.buf.byteOffset, this.buf.length);
    }
    return this.#view;
  }

  /** A view of what was written: valid until the next write or reset. */
  bytes(): Buffer {
    return this.buf.subarray(0, this.length);
  }

  reset(): this {
    this.length = 0;
    return this;
  }

  /** Gives away what was written, with its buffer, and begins a new one of `capacity` bytes at the next write. */
  take(capacity = 0): Buffer {
    const taken = this.bytes();
    this.buf = capacity === 0 ? NO_BYTES : Buffer.allocUnsafeSlow(capacity);
    this.length = 0;
    return taken;
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.length + bytes <= this.buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(256, this.buf.length * 2, this.length + bytes));
    this.buf.copy(grown, 0, 0, this.length);
    this.buf = grown;
  }

  /** The header of a frame of `count` elements, and its op. */
  frame(count: number, op: number): this {
    this.reserve(4);
    if (count < 16) {
      this.buf[this.length++] = 0x90 | count;
    } else {
      this.buf[this.length++] = 0xdc;
      this.buf[this.length++] = count >> 8;
      this.buf[this.length++] = count & 0xff;
    }
    this.buf[this.length++] = op;
    return this;
  }

  /** The header of an array inside a value. */
  array(count: number): this {
    return this.#collection(0x90, 0xdc, count);
  }

  /** The header of a map inside a value. */
  map(count: number): this {
    return this.#collection(0x80, 0xde, count);
  }

  nil(): this {
    this.reserve(1);
    this.buf[this.length++] = 0xc0;
    return this;
  }

  bool(value: boolean): this {
    this.reserve(1);
    this.buf[this.length++] = value ? 0xc3 : 0xc2;
    return this;
  }

  /** An integer from -(2^53 - 1) to 2^53 - 1, in the shortest encoding. */
  int(value: number): this {
    this.reserve(9);
    const { buf } = this;
    if (value >= 0) {
      if (value < 0x80) {
        buf[this.length++] = value;
      } else if (value < 0x100) {
        buf[this.length++] = 0xcc;
        buf[this.length++] = value;
      } else if (value < 0x10000) {
        buf[this.length++] = 0xcd;
        buf[this.length++] = value >> 8;
        buf[this.length++] = value & 0xff;
      } else if (value <= 0xffff_ffff) {
        buf[this.length++] = 0xce;
        this.length = buf.writeUInt32BE(value, this.length);
      } else {
        buf[this.length++] = 0xcf;
        this.length = buf.writeUInt32BE(Math.floor(value / 0x1_0000_0000), this.length);
        this.length = buf.writeUInt32BE(value % 0x1_0000_0000, this.length);
      }
    } else if (value >= -0x20) {
      buf[this.length++] = value + 0x100;
    } else if (value >= -0x80) {
      buf[this.length++] = 0xd0;
      this.length = buf.writeInt8(value, this.length);
    } else if (value >= -0x8000) {
      buf[this.length++] = 0xd1;
      this.length = buf.writeInt16BE(value, this.length);
    } else if (value >= -0x8000_0000) {
      buf[this.length++] = 0xd2;
      this.length = buf.writeInt32BE(value, this.length);
    } else {
      buf[this.length++] = 0xd3;
      this.length = buf.writeBigInt64BE(BigInt(value), this.length);
    }
    return this;
  }

  float(value: number): this {
    this.reserve(9);
    this.buf[this.length++] = 0xcb;
    this.length = this.buf.writeDoubleBE(value, this.length);
    return this;
  }

  /** A 64-bit integer; the caller has checked its range. */
  bigint(value: bigint): this {
    this.reserve(9);
    this.buf[this.length++] = value < 0n ? 0xd3 : 0xcf;
    this.length =
      value < 0n ? this.buf.writeBigInt64BE(value, this.length) : this.buf.writeBigUInt64BE(value, this.length);
    return this;
  }

  str(value: string): this {
    const units = value.length;
    this.reserve(5 + units * 3);
    const { buf } = this;
    if (units < 32) {
      // Short and ASCII is the common case: a loop beats the call into the runtime.
      const start = this.length + 1;
      let i = 0;
      for (; i < units; i++) {
        const unit = value.charCodeAt(i);
        if (unit >= 0x80) break;
        buf[start + i] = unit;
      }
      if (i === units) {
        buf[this.length] = 0xa0 | units;
        this.length = start + units;
        return this;
      }
    }
    const bytes = Buffer.byteLength(value);
    if (bytes < 32) {
      buf[this.length++] = 0xa0 | bytes;
    } else {
      this.#header(0xd9, 0xda, 0xdb, bytes);
    }
    this.length += buf.write(value, this.length, "utf8");
    return this;
  }

  bin(value: Uint8Array): this {
    this.reserve(5 + value.length);
    this.#header(0xc4, 0xc5, 0xc6, value.length);
    this.buf.set(value, this.length);
    this.length += value.length;
    return this;
  }

  /** An ext of `type`, as its byte, with `body`. */
  ext(type: number, body: Uint8Array): this {
    const bytes = body.length;
    this.reserve(6 + bytes);
    if (bytes <= 16 && (bytes & (bytes - 1)) === 0 && bytes > 0) {
      this.buf[this.length++] = 0xd4 + Math.log2(bytes);
    } else {
      this.#header(0xc7, 0xc8, 0xc9, bytes);
    }
    this.buf[this.length++] = type;
    this.buf.set(body, this.length);
    this.length += bytes;
    return this;
  }

  /** Bytes that are msgpack already. */
  raw(value: Uint8Array): this {
    this.reserve(value.length);
    this.buf.set(value, this.length);
    this.length += value.length;
    return this;
  }

  /** Begins an ext whose length is not known yet. Returns what {@link endExt} needs; the body is written between the two. */
  beginExt(): number {
    this.reserve(6);
    const start = this.length;
    this.length += EXT8_HEADER;
    return start;
  }

  /** Ends an ext of `type` that {@link beginExt} began: its header is as short as can be, and the body moved where it has to. */
  endExt(start: number, type: number): this {
    const bytes = this.length - start - EXT8_HEADER;
    const isFixed = bytes <= 16 && (bytes & (bytes - 1)) === 0 && bytes > 0;
    const header = isFixed ? 2 : bytes < 0x100 ? EXT8_HEADER : bytes < 0x10000 ? 4 : 6;
    if (header !== EXT8_HEADER) {
      this.reserve(header);
      this.buf.copyWithin(start + header, start + EXT8_HEADER, this.length);
    }
    this.length = start;
    if (isFixed) this.buf[this.length++] = 0xd4 + Math.log2(bytes);
    else this.#header(0xc7, 0xc8, 0xc9, bytes);
    this.buf[this.length++] = type;
    this.length += bytes;
    return this;
  }

  #collection(fix: number, byte16: number, count: number): this {
    this.reserve(5);
    const { buf } = this;
    if (count < 16) {
      buf[this.length++] = fix | count;
    } else if (count < 0x10000) {
      buf[this.length++] = byte16;
      buf[this.length++] = count >> 8;
      buf[this.length++] = count & 0xff;
    } else {
      buf[this.length++] = byte16 + 1;
      this.length = buf.writeUInt32BE(count, this.length);
    }
    return this;
  }

  #header(byte8: number, byte16: number, byte32: number, bytes: number): void {
    const { buf } = this;
    if (bytes < 0x100) {
      buf[this.length++] = byte8;
      buf[this.length++] = bytes;
    } else if (bytes < 0x10000) {
      buf[this.length++] = byte16;
      buf[this.length++] = bytes >> 8;
      buf[this.length++] = bytes & 0xff;
    } else {
      buf[this.length++] = byte32;
      this.length = buf.writeUInt32BE(bytes, this.length);
    }
  }
}

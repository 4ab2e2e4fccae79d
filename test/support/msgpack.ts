// msgpack for tests, written apart from shared/codec so that a mistake there does not hide here. Encodes frames from plain values,
// in the shortest form; decodes with msgpackr. What has no JavaScript type of its own is told by a small class.

import { unpack, Unpackr } from "msgpackr/pack";

/** An ext element: `type` and its body. */
export class Ext {
  readonly type: number;
  readonly body: Buffer;

  constructor(type: number, body: Uint8Array) {
    this.type = type;
    this.body = Buffer.from(body);
  }
}

/** A float, also where its value is integral. */
export class Float {
  readonly value: number;
  readonly bits: 32 | 64;

  constructor(value: number, bits: 32 | 64 = 64) {
    this.value = value;
    this.bits = bits;
  }
}

/** One element of a frame. */
export type Element = null | boolean | number | bigint | string | Uint8Array | Ext | Float;
export type Elements = readonly Element[];
/** What stands inside an ext of type 1. */
type Plain = Element | readonly Plain[] | { readonly [key: string]: Plain };

function unsigned(byte: number, value: bigint, bytes: number): Buffer {
  const out = Buffer.alloc(1 + bytes);
  out[0] = byte;
  for (let i = bytes; i > 0; i--, value >>= 8n) out[i] = Number(value & 0xffn);
  return out;
}

function int(value: bigint): Buffer {
  if (value >= 0n) {
    if (value < 0x80n) return Buffer.of(Number(value));
    for (const [power, bytes] of [0, 1, 2, 3].map((power) => [power, 1 << power] as const)) {
      if (value < 1n << BigInt(8 * bytes)) return unsigned(0xcc + power, value, bytes);
    }
    throw new RangeError(`${value} has more than 64 bits`);
  }
  if (value >= -32n) return Buffer.of(Number(value + 256n));
  for (const [power, bytes] of [0, 1, 2, 3].map((power) => [power, 1 << power] as const)) {
    const bits = BigInt(8 * bytes);
    if (value >= -(1n << (bits - 1n))) return unsigned(0xd0 + power, value + (1n << bits), bytes);
  }
  throw new RangeError(`${value} has more than 64 bits`);
}

/** The header of a value with a length: the shortest of `bytes8`, and those after it for 16 and 32 bits. */
function sized(byte8: number, length: number): Buffer {
  if (length < 0x100) return unsigned(byte8, BigInt(length), 1);
  if (length < 0x1_0000) return unsigned(byte8 + 1, BigInt(length), 2);
  return unsigned(byte8 + 2, BigInt(length), 4);
}

function str(text: string): Buffer {
  const body = Buffer.from(text);
  return Buffer.concat([body.length < 32 ? Buffer.of(0xa0 | body.length) : sized(0xd9, body.length), body]);
}

function ext({ type, body }: Ext): Buffer {
  const fixed = [1, 2, 4, 8, 16].indexOf(body.length);
  return Buffer.concat([fixed < 0 ? sized(0xc7, body.length) : Buffer.of(0xd4 + fixed), Buffer.of(type & 0xff), body]);
}

function float({ value, bits }: Float): Buffer {
  const out = Buffer.alloc(1 + bits / 8);
  out[0] = bits === 32 ? 0xca : 0xcb;
  if (bits === 32) out.writeFloatBE(value, 1);
  else out.writeDoubleBE(value, 1);
  return out;
}

function counted(few: number, byte16: number, count: number): Buffer {
  return count < 16 ? Buffer.of(few | count) : Buffer.of(byte16, count >> 8, count & 0xff);
}

/** One value, structures included. */
function value(of: Plain): Buffer {
  if (of === null) return Buffer.of(0xc0);
  if (typeof of === "boolean") return Buffer.of(of ? 0xc3 : 0xc2);
  if (typeof of === "bigint") return int(of);
  if (typeof of === "number") return Number.isInteger(of) ? int(BigInt(of)) : float(new Float(of));
  if (typeof of === "string") return str(of);
  if (of instanceof Uint8Array) return Buffer.concat([sized(0xc4, of.length), of]);
  if (of instanceof Ext) return ext(of);
  if (of instanceof Float) return float(of);
  if (Array.isArray(of))
    return Buffer.concat([counted(0x90, 0xdc, of.length), ...of.map((item: Plain) => value(item))]);
  const entries = Object.entries(of as Record<string, Plain>);
  return Buffer.concat([
    counted(0x80, 0xde, entries.length),
    ...entries.flatMap(([key, item]) => [str(key), value(item)]),
  ]);
}

/** `of` as an ext of type 1: options, headers, structured payloads. */
export function ext1(of: Plain): Ext {
  return new Ext(1, value(of));
}

/** A frame: an array of scalars. */
export function frame(...elements: Elements): Buffer {
  return Buffer.concat([counted(0x90, 0xdc, elements.length), ...elements.map((element) => value(element))]);
}

/** Many frames, one after the other. */
export function frames(...each: Elements[]): Buffer {
  return Buffer.concat(each.map((elements) => frame(...elements)));
}

const unpackr = new Unpackr({ useRecords: false, int64AsType: "auto" });
/** The length of each header by its first byte, for what {@link frameLength} walks over. */
const FIXED = new Map<number, number>([
  ...[0xc0, 0xc2, 0xc3].map((byte) => [byte, 1] as const),
  ...[0xcc, 0xd0].map((byte) => [byte, 2] as const),
  ...[0xcd, 0xd1, 0xd4].map((byte) => [byte, 3] as const),
  ...[0xd5].map((byte) => [byte, 4] as const),
  ...[0xca, 0xce, 0xd2].map((byte) => [byte, 5] as const),
  ...[0xd6].map((byte) => [byte, 6] as const),
  ...[0xcb, 0xcf, 0xd3].map((byte) => [byte, 9] as const),
  ...[0xd7].map((byte) => [byte, 10] as const),
  ...[0xd8].map((byte) => [byte, 18] as const),
]);
const SIZED = new Map<number, readonly [lengthBytes: number, extra: number]>([
  [0xc4, [1, 0]],
  [0xc5, [2, 0]],
  [0xc6, [4, 0]],
  [0xc7, [1, 1]],
  [0xc8, [2, 1]],
  [0xc9, [4, 1]],
  [0xd9, [1, 0]],
  [0xda, [2, 0]],
  [0xdb, [4, 0]],
]);

/** Where the scalar at `at` ends, or -1 where it is not whole. */
function scalarEnd(buf: Buffer, at: number): number {
  if (at >= buf.length) return -1;
  const byte = buf[at]!;
  let end: number;
  if (byte < 0x80 || byte >= 0xe0) end = at + 1;
  else if (byte >= 0xa0 && byte < 0xc0) end = at + 1 + (byte & 0x1f);
  else if (FIXED.has(byte)) end = at + FIXED.get(byte)!;
  else {
    const [lengthBytes, extra] = SIZED.get(byte) ?? [0, 0];
    if (lengthBytes === 0) throw new Error(`0x${byte.toString(16)} is no scalar`);
    if (at + 1 + lengthBytes > buf.length) return -1;
    end = at + 1 + lengthBytes + extra + buf.readUIntBE(at + 1, lengthBytes);
  }
  return end > buf.length ? -1 : end;
}

/** One element as tests look at it: ext of type 1 as `Ext`, bin as Buffer, all else as JavaScript has it. */
function element(bytes: Buffer): Element {
  const byte = bytes[0]!;
  if (byte >= 0xd4 && byte <= 0xd8) return new Ext(bytes.readInt8(1), bytes.subarray(2));
  if (byte >= 0xc7 && byte <= 0xc9) {
    const typeAt = 1 + SIZED.get(byte)![0];
    return new Ext(bytes.readInt8(typeAt), bytes.subarray(typeAt + 1));
  }
  if (byte === 0xca) return new Float(bytes.readFloatBE(1), 32);
  if (byte === 0xcb) return new Float(bytes.readDoubleBE(1));
  return unpackr.unpack(bytes) as Element;
}

/** A frame as it came: its elements, and its bytes. */
export interface Decoded {
  readonly elements: Element[];
  readonly bytes: Buffer;
}

/** The first frame in `buf`, or undefined where it is not whole. @throws where it is no array of scalars. */
export function decodeFirst(buf: Buffer): Decoded | undefined {
  if (buf.length === 0) return undefined;
  const byte = buf[0]!;
  const lengthBytes = byte === 0xdc ? 2 : byte === 0xdd ? 4 : 0;
  if (lengthBytes === 0 && (byte & 0xf0) !== 0x90) throw new Error(`0x${byte.toString(16)} does not begin a frame`);
  let at = 1 + lengthBytes;
  if (at > buf.length) return undefined;
  const count = lengthBytes === 0 ? byte & 0x0f : buf.readUIntBE(1, lengthBytes);
  const elements: Element[] = [];
  for (let i = 0; i < count; i++) {
    const end = scalarEnd(buf, at);
    if (end < 0) return undefined;
    elements.push(element(buf.subarray(at, end)));
    at = end;
  }
  return { elements, bytes: Buffer.from(buf.subarray(0, at)) };
}

/** What stands in an ext of type 1. */
export function valueIn(of: Element | undefined): unknown {
  if (!(of instanceof Ext) || of.type !== 1) throw new Error(`an ext of type 1 was expected, not ${String(of)}`);
  return unpack(of.body);
}

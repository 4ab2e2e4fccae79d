// Reads a msgpack value as a peer sent it: what JSON knows, bytes, 64-bit integers and timestamps, and nothing else. It refuses
// whatever is not safe as it comes to it: extensions, nesting beyond a bound, counts beyond what is there. So no peer can reach
// msgpackr's decoder, which reads record extensions (and compiles code for them) even where it is told not to write them, and
// which is slower on small objects than JSON.parse on Node 20 (docs/benchmarks.md, structured). Pure.
//
// Short texts come from a table, keys above all: a text that was seen before is compared, and not made again.

import { readLength, readUint32 } from "./sizes.ts";

/** Arrays and maps inside one another: bounds the stack. */
export const MAX_DEPTH = 128;

/** Why a value can't be read, in words. */
export class Unreadable extends Error {}

/** What stands for an extension that is none of ours, where it is passed over. */
export const OPAQUE: unique symbol = Symbol("an extension");

const TEXTS = 2048;
/** Longer texts are seldom seen twice. */
const MAX_KNOWN_BYTES = 24;
const known: string[] = Array.from({ length: TEXTS }, () => "");

let buf: Buffer = Buffer.alloc(0);
let at = 0;
let end = 0;
let isOpaquePassed = false;

/**
 * The one value in `from[start … limit)`.
 * @param passesOpaque has {@link OPAQUE} stand for extensions that it does not know, instead of refusing the whole value.
 * @throws Unreadable
 */
export function readPlain(from: Buffer, start: number, limit: number, passesOpaque = false): unknown {
  buf = from;
  at = start;
  end = limit;
  isOpaquePassed = passesOpaque;
  const value = readAny(0);
  if (at !== end) throw new Unreadable("more bytes than one value has");
  return value;
}

function readAny(depth: number): unknown {
  if (at >= end) throw truncated();
  const byte = buf[at++]!;
  if (byte < 0x80) return byte;
  if (byte < 0x90) return readMap(byte & 0x0f, depth);
  if (byte < 0xa0) return readArray(byte & 0x0f, depth);
  if (byte < 0xc0) return readText(byte & 0x1f);
  if (byte >= 0xe0) return byte - 0x100;
  switch (byte) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return readBytes(length(1 << (byte - 0xc4)));
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return readExtension(length(1 << (byte - 0xc7)));
    case 0xca:
      return buf.readFloatBE(skip(4));
    case 0xcb:
      return buf.readDoubleBE(skip(8));
    case 0xcc:
      return buf[skip(1)]!;
    case 0xcd:
      return buf.readUInt16BE(skip(2));
    case 0xce:
      return readUint32(buf, skip(4));
    case 0xcf:
      return readUint64(skip(8));
    case 0xd0:
      return buf.readInt8(skip(1));
    case 0xd1:
      return buf.readInt16BE(skip(2));
    case 0xd2:
      return buf.readInt32BE(skip(4));
    case 0xd3:
      return readInt64(skip(8));
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return readExtension(1 << (byte - 0xd4));
    case 0xd9:
    case 0xda:
    case 0xdb:
      return readText(length(1 << (byte - 0xd9)));
    case 0xdc:
    case 0xdd:
      return readArray(length(byte === 0xdc ? 2 : 4), depth);
    case 0xde:
    case 0xdf:
      return readMap(length(byte === 0xde ? 2 : 4), depth);
    default:
      throw new Unreadable("a byte that msgpack does not use (0xc1)");
  }
}

function readMap(count: number, depth: number): Record<string, unknown> {
  enter(depth, count * 2);
  const map: Record<string, unknown> = {};
  for (let i = 0; i < count; i++) {
    const byte = at < end ? buf[at]! : 0;
    let key: string;
    if (byte >= 0xa0 && byte < 0xc0) {
      at++;
      key = readText(byte & 0x1f);
    } else {
      key = readOtherKey();
    }
    // One that would change the object's prototype is kept under another name.
    map[key === "__proto__" ? "__proto_" : key] = readAny(depth + 1);
  }
  return map;
}

/** A key that is no short text, as a property's name. */
function readOtherKey(): string {
  const key = readAny(MAX_DEPTH);
  if (typeof key === "object" && key !== null) throw new Unreadable("a map with a key that is no scalar");
  return String(key);
}

function readArray(count: number, depth: number): unknown[] {
  enter(depth, count);
  const array: unknown[] = [];
  for (let i = 0; i < count; i++) array.push(readAny(depth + 1));
  return array;
}

/** Each value takes a byte at the least: a count beyond what is there is refused before anything is made for it. */
function enter(depth: number, values: number): void {
  if (depth >= MAX_DEPTH) throw new Unreadable(`nested deeper than ${MAX_DEPTH}`);
  if (values > end - at) throw truncated();
}

function readText(bytes: number): string {
  const start = skip(bytes);
  if (bytes > MAX_KNOWN_BYTES) return buf.toString("utf8", start, at);
  if (bytes === 0) return "";
  const from = buf;
  const hash = (bytes * 31 + from[start]! * 17 + from[start + (bytes >> 1)]! * 257 + from[at - 1]! * 7) & (TEXTS - 1);
  const text = known[hash]!;
  if (text.length === bytes) {
    let i = 0;
    while (i < bytes && text.charCodeAt(i) === from[start + i]) i++;
    if (i === bytes) return text;
  }
  const fresh = from.toString("utf8", start, at);
  // Only ASCII has as many characters as bytes, each its byte: what the comparison above takes for granted.
  if (fresh.length === bytes) known[hash] = fresh;
  return fresh;
}

function readBytes(bytes: number): Buffer {
  return buf.subarray(skip(bytes), at);
}

/** A timestamp, ext type -1, which is all that is read: seconds, or nanoseconds and seconds. */
function readExtension(bytes: number): Date | typeof OPAQUE {
  const type = buf.readInt8(skip(1));
  const start = skip(bytes);
  if (type === -1 && bytes === 4) return date(readUint32(buf, start) * 1000);
  if (type === -1 && bytes === 8) {
    const high = readUint32(buf, start);
    return date(((high & 3) * 0x1_0000_0000 + readUint32(buf, start + 4)) * 1000 + Math.floor((high >>> 2) / 1e6));
  }
  if (type === -1 && bytes === 12) {
    const seconds = Number(buf.readBigInt64BE(start + 4));
    return date(seconds * 1000 + Math.floor(readUint32(buf, start) / 1e6));
  }
  if (isOpaquePassed) return OPAQUE;
  throw new Unreadable("an extension other than a timestamp");
}

/** One that JavaScript's dates do not reach would be an invalid date, which can't be sent on. */
function date(ms: number): Date | typeof OPAQUE {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime()) && isOpaquePassed) return OPAQUE;
  if (Number.isNaN(date.getTime())) throw new Unreadable("a timestamp that is no date");
  return date;
}

function length(bytes: number): number {
  return readLength(buf, skip(bytes), bytes);
}

/** Moves past `bytes`, and returns where they begin. */
function skip(bytes: number): number {
  const start = at;
  at += bytes;
  if (at > end) throw truncated();
  return start;
}

/** A number where it is exact as one, else a bigint. */
function readUint64(start: number): number | bigint {
  const high = readUint32(buf, start);
  return high < 0x20_0000 ? high * 0x1_0000_0000 + readUint32(buf, start + 4) : buf.readBigUInt64BE(start);
}

function readInt64(start: number): number | bigint {
  const value = (readUint32(buf, start) | 0) * 0x1_0000_0000 + readUint32(buf, start + 4);
  return Number.isSafeInteger(value) ? value : buf.readBigInt64BE(start);
}

function truncated(): Unreadable {
  return new Unreadable("it ends within a value");
}

// The frames of protocol.md, written and read by code of the simulation's own: nothing of shared/codec is used here, so that a mistake
// there does not hide. Reading is fast and knows well-formed frames only; whoever sends broken ones knows that they are.

import { Op } from "../support/ops.ts";
import { copyOf } from "./bytes.ts";

export { Op };

export const OP_NAMES: readonly string[] = Object.keys(Op);

export type Plain = null | boolean | number | string | Buffer | Options;
export interface Options {
  readonly [key: string]: Plain | undefined;
}

// ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

let out: Buffer = Buffer.alloc(64 * 1024);
let length = 0;

function need(bytes: number): void {
  if (length + bytes <= out.length) return;
  const grown = Buffer.alloc(Math.max(out.length * 2, length + bytes));
  out.copy(grown, 0, 0, length);
  out = grown;
}

function header(short: number, shortMost: number, codes: readonly [number, number, number], size: number): void {
  if (size <= shortMost) out[length++] = short | size;
  else if (size < 0x100 && codes[0] !== 0) {
    out[length++] = codes[0];
    out[length++] = size;
  } else if (size < 0x1_0000) {
    out[length++] = codes[1];
    length = out.writeUInt16BE(size, length);
  } else {
    out[length++] = codes[2];
    length = out.writeUInt32BE(size, length);
  }
}

function put(value: Plain, isInside: boolean): void {
  need(16);
  if (value === null) out[length++] = 0xc0;
  else if (typeof value === "boolean") out[length++] = value ? 0xc3 : 0xc2;
  else if (typeof value === "number") putNumber(value);
  else if (typeof value === "string") {
    const size = Buffer.byteLength(value);
    need(size + 5);
    header(0xa0, 31, [0xd9, 0xda, 0xdb], size);
    length += out.write(value, length);
  } else if (Buffer.isBuffer(value)) {
    need(value.length + 5);
    header(0, -1, [0xc4, 0xc5, 0xc6], value.length);
    length += value.copy(out, length);
  } else if (isInside) putMap(value);
  else {
    // ext 8, or 16 where the body turns out longer: written behind its header, which is put right afterwards.
    const at = length;
    length += 4;
    putMap(value);
    const size = length - at - 4;
    out[at] = 0xc8;
    out.writeUInt16BE(size, at + 1);
    out[at + 3] = 1;
  }
}

function putMap(map: Options): void {
  const keys = Object.keys(map);
  let size = 0;
  for (const key of keys) if (map[key] !== undefined) size++;
  need(3);
  header(0x80, 15, [0, 0xde, 0xdf], size);
  for (const key of keys) {
    const value = map[key];
    if (value === undefined) continue;
    put(key, true);
    put(value, true);
  }
}

function putNumber(value: number): void {
  if (!Number.isInteger(value)) {
    out[length++] = 0xcb;
    length = out.writeDoubleBE(value, length);
  } else if (value >= 0 && value < 0x80) out[length++] = value;
  else if (value < 0 && value >= -32) out[length++] = value & 0xff;
  else if (value >= 0 && value <= 0xffff) {
    out[length++] = 0xcd;
    length = out.writeUInt16BE(value, length);
  } else if (value >= 0 && value <= 0xffff_ffff) {
    out[length++] = 0xce;
    length = out.writeUInt32BE(value, length);
  } else {
    out[length++] = 0xd3;
    length = out.writeBigInt64BE(BigInt(value), length);
  }
}

/** A frame: a map among its elements stands in an ext of type 1. */
export function encode(...elements: Plain[]): Buffer {
  length = 0;
  out[length++] = 0x90 | elements.length;
  for (const element of elements) put(element, false);
  return copyOf(out, 0, length);
}

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** An ext that is not read: its body is. */
interface Ext {
  readonly type: number;
  readonly body: Buffer;
}

export type Value = null | boolean | number | string | Buffer | Ext;

export interface Read {
  readonly op: number;
  readonly elements: Value[];
  /** Offset of the third element and of the fourth in the buffer that was read: from there on, some frames are handed on as they are. */
  readonly atThird: number;
  readonly atFourth: number;
  readonly start: number;
  readonly end: number;
  /** The number that its payload carries, told when it was read: buffers are used again. -1 where there is none. */
  readonly uid: number;
}

/** Elements of the frames that protocol.md knows, and more. */
const MOST_SHORT = 15;

/** A frame that is not to be had from these bytes. */
class Unreadable extends Error {}

let cursor = 0;
let limit = 0;

/** The frame that begins at `start`, or undefined where it does not end before `end`. Views, not copies. */
export function decode(buf: Buffer, start: number, end: number): Read | undefined {
  if (start >= end) return undefined;
  cursor = start;
  limit = end;
  const count = arrayLength(buf);
  if (count < 0) return undefined;
  // A long one may be cut: nothing is made room for that has not come.
  // oxlint-disable-next-line unicorn/no-new-array -- room for just so many: it is the length
  const elements: Value[] = count <= MOST_SHORT ? new Array<Value>(count) : [];
  let atThird = -1;
  let atFourth = -1;
  for (let i = 0; i < count; i++) {
    if (i === 2) atThird = cursor;
    else if (i === 3) atFourth = cursor;
    const value = scalar(buf);
    if (value === undefined) return undefined;
    elements[i] = value;
  }
  const frameEnd = cursor;
  if (count === 2) atThird = frameEnd;
  if (count === 3) atFourth = frameEnd;
  const op = typeof elements[0] === "number" ? elements[0] : -1;
  const payload = op === Op.PUB || op === Op.RETAIN ? 2 : op === Op.REQ || op === Op.REPLY ? 3 : 0;
  let uid = payload === 0 ? -1 : uidOf(elements[payload]);
  // A payload of nil has no room for a number: it is among the headers.
  if (payload > 0 && elements[payload] === null && count > payload + 1) uid = uidOf(elements[payload + 1]);
  return { op, elements, atThird, atFourth, start, end: frameEnd, uid };
}

function arrayLength(buf: Buffer): number {
  const byte = buf[cursor++]!;
  if (byte >= 0x90 && byte <= 0x9f) return byte & 0x0f;
  if (byte !== 0xdc) throw new Unreadable(`a frame begins with 0x${byte.toString(16)}`);
  if (cursor + 2 > limit) return -1;
  cursor += 2;
  return buf.readUInt16BE(cursor - 2);
}

function scalar(buf: Buffer): Value | undefined {
  if (cursor >= limit) return undefined;
  const byte = buf[cursor++]!;
  if (byte < 0x80) return byte;
  if (byte >= 0xe0) return byte - 0x100;
  if (byte >= 0xa0 && byte <= 0xbf) return text(buf, byte & 0x1f);
  if (byte === 0xc0) return null;
  if (byte === 0xc2 || byte === 0xc3) return byte === 0xc3;
  if (byte >= 0xc4 && byte <= 0xc6) {
    const size = sizeOf(buf, 1 << (byte - 0xc4));
    return size < 0 ? undefined : body(buf, size);
  }
  if (byte >= 0xc7 && byte <= 0xc9) {
    const size = sizeOf(buf, 1 << (byte - 0xc7));
    return size < 0 ? undefined : ext(buf, size);
  }
  if (byte >= 0xd4 && byte <= 0xd8) return ext(buf, 1 << (byte - 0xd4));
  if (byte >= 0xd9 && byte <= 0xdb) {
    const size = sizeOf(buf, 1 << (byte - 0xd9));
    return size < 0 ? undefined : text(buf, size);
  }
  return number(buf, byte);
}

function sizeOf(buf: Buffer, bytes: number): number {
  if (cursor + bytes > limit) return -1;
  cursor += bytes;
  return buf.readUIntBE(cursor - bytes, bytes);
}

function text(buf: Buffer, size: number): string | undefined {
  if (cursor + size > limit) return undefined;
  cursor += size;
  return buf.toString("utf8", cursor - size, cursor);
}

function body(buf: Buffer, size: number): Buffer | undefined {
  if (cursor + size > limit) return undefined;
  cursor += size;
  return buf.subarray(cursor - size, cursor);
}

function ext(buf: Buffer, size: number): Ext | undefined {
  if (cursor + 1 + size > limit) return undefined;
  const type = buf[cursor++]!;
  return { type, body: body(buf, size)! };
}

const NUMBER_BYTES: Readonly<Record<number, number>> = {
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};

function number(buf: Buffer, byte: number): number | undefined {
  const bytes = NUMBER_BYTES[byte];
  if (bytes === undefined) throw new Unreadable(`0x${byte.toString(16)} is no scalar`);
  if (cursor + bytes > limit) return undefined;
  const at = cursor;
  cursor += bytes;
  if (byte === 0xca) return buf.readFloatBE(at);
  if (byte === 0xcb) return buf.readDoubleBE(at);
  if (byte === 0xcf) return Number(buf.readBigUInt64BE(at));
  if (byte === 0xd3) return Number(buf.readBigInt64BE(at));
  return byte < 0xd0 ? buf.readUIntBE(at, bytes) : buf.readIntBE(at, bytes);
}

/** The map in an ext of type 1, of one level; undefined where it is none. */
export function mapOf(value: Value | undefined): Record<string, Value> | undefined {
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value) || value.type !== 1) return undefined;
  const buf = value.body;
  const first = buf[0] ?? 0;
  cursor = 1;
  limit = buf.length;
  let count = first & 0x0f;
  if (first === 0xde) count = sizeOf(buf, 2);
  else if (first < 0x80 || first > 0x8f) return undefined;
  const map: Record<string, Value> = {};
  for (let i = 0; i < count; i++) {
    const key = scalar(buf);
    if (typeof key !== "string") return undefined;
    const inner = buf[cursor];
    if (inner !== undefined && ((inner >= 0x80 && inner <= 0x9f) || inner === 0xde || inner === 0xdc)) return map; // deeper than this reads
    map[key] = scalar(buf) ?? null;
  }
  return map;
}

/** The number that a payload of the simulation carries: which message it is. -1 where there is none. */
function uidOf(payload: Value | undefined): number {
  if (typeof payload === "number") return payload;
  if (typeof payload === "string") return payload.startsWith("u") ? Number.parseInt(payload.slice(1), 10) : -1;
  if (Buffer.isBuffer(payload)) return payload.length >= 4 ? payload.readUInt32BE(0) : -1;
  const map = mapOf(payload);
  return typeof map?.["u"] === "number" ? map["u"] : -1;
}

/** A payload that carries `uid`, of about `bytes`. */
export function payloadOf(uid: number, form: number, bytes: number): Plain {
  switch (form) {
    case 0:
      return uid;
    case 1:
      return `u${uid} `.padEnd(bytes, "x");
    case 2:
      return { u: uid };
    default: {
      const payload = Buffer.alloc(Math.max(4, bytes), uid & 0xff);
      payload.writeUInt32BE(uid, 0);
      return payload;
    }
  }
}

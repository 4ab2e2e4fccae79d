// Reads single scalars out of a frame that was scanned: integers of any width, strings, the bodies of bin and ext. Pure.
// What is of another type is told apart by a value that no valid one has (NaN, -1, undefined), never by an exception.

import { readUint32 } from "./sizes.ts";

const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** An integer in any msgpack encoding, or NaN where the element is none (a float is none). Exact up to 2^53. */
export function readInt(buf: Uint8Array, at: number): number {
  const byte = buf[at]!;
  if (byte < 0x80) return byte;
  if (byte >= 0xe0) return byte - 0x100;
  switch (byte) {
    case 0xcc:
      return buf[at + 1]!;
    case 0xcd:
      return (buf[at + 1]! << 8) | buf[at + 2]!;
    case 0xce:
      return readUint32(buf, at + 1);
    case 0xcf:
      return readUint32(buf, at + 1) * 0x1_0000_0000 + readUint32(buf, at + 5);
    case 0xd0:
      return (buf[at + 1]! << 24) >> 24;
    case 0xd1:
      return (((buf[at + 1]! << 8) | buf[at + 2]!) << 16) >> 16;
    case 0xd2:
      return readUint32(buf, at + 1) | 0;
    case 0xd3:
      return (readUint32(buf, at + 1) | 0) * 0x1_0000_0000 + readUint32(buf, at + 5);
    default:
      return Number.NaN;
  }
}

/** Whether the element is nil. */
export function isNil(buf: Uint8Array, at: number): boolean {
  return buf[at] === 0xc0;
}

/** Where the text of a str begins, or -1 where the element is no str. It ends where the element does. */
export function strStart(buf: Uint8Array, at: number): number {
  const byte = buf[at]!;
  if (byte >= 0xa0 && byte < 0xc0) return at + 1;
  if (byte === 0xd9) return at + 2;
  if (byte === 0xda) return at + 3;
  if (byte === 0xdb) return at + 5;
  return -1;
}

/** Where the bytes of a bin begin, or -1 where the element is no bin. */
export function binStart(buf: Uint8Array, at: number): number {
  const byte = buf[at]!;
  if (byte === 0xc4) return at + 2;
  if (byte === 0xc5) return at + 3;
  if (byte === 0xc6) return at + 5;
  return -1;
}

/** Where the body of an ext of `type` begins, or -1 where the element is no such ext. */
export function extStart(buf: Uint8Array, at: number, type: number): number {
  const byte = buf[at]!;
  let typeAt: number;
  if (byte >= 0xd4 && byte <= 0xd8) typeAt = at + 1;
  else if (byte === 0xc7) typeAt = at + 2;
  else if (byte === 0xc8) typeAt = at + 3;
  else if (byte === 0xc9) typeAt = at + 5;
  else return -1;
  return buf[typeAt] === type ? typeAt + 1 : -1;
}

/** The text of a range, or undefined where it is not well-formed UTF-8. */
export function decodeText(buf: Uint8Array, start: number, end: number): string | undefined {
  try {
    return textDecoder.decode(buf.subarray(start, end));
  } catch {
    return undefined;
  }
}

/** The text of a str element, or undefined where the element is no str or not well-formed UTF-8. */
export function readStr(buf: Uint8Array, at: number, end: number): string | undefined {
  const start = strStart(buf, at);
  return start < 0 ? undefined : decodeText(buf, start, end);
}

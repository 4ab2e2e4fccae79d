// Finds the entries of a map by their bytes, without decoding them: what is not asked for may be any valid msgpack, and can be handed
// on as it came. Pure; recurses into nothing, so that no depth of nesting costs stack.

import { extStart } from "./read.ts";
import { LENGTH_BYTES, readLength, SIZE } from "./sizes.ts";
import { EXT_VALUE } from "../protocol.ts";

/** One entry of a map: its key begins at `keyAt`, its value at `valueAt`, and it ends at `end`. */
export type EntryVisitor = (keyAt: number, valueAt: number, end: number) => void;

/**
 * Tells `visit` of each entry of the map that the ext 1 element at `at`, which ends at `end`, holds. False where it is no such element,
 * or its body not exactly one whole map: then what was told of it counts for nothing.
 */
export function eachEntry(buf: Uint8Array, at: number, end: number, visit: EntryVisitor): boolean {
  const start = extStart(buf, at, EXT_VALUE);
  if (start < 0 || start >= end) return false;
  const byte = buf[start]!;
  const isShort = byte >= 0x80 && byte < 0x90;
  const lengthBytes = byte === 0xde ? 2 : byte === 0xdf ? 4 : 0;
  let next = start + 1 + lengthBytes;
  if ((!isShort && lengthBytes === 0) || next > end) return false;
  const count = isShort ? byte - 0x80 : readLength(buf, start + 1, lengthBytes);
  for (let i = 0; i < count; i++) {
    const keyAt = next;
    const valueAt = valueEnd(buf, keyAt, end);
    next = valueAt < 0 ? -1 : valueEnd(buf, valueAt, end);
    if (next < 0) return false;
    visit(keyAt, valueAt, next);
  }
  return next === end;
}

/** Where the value at `at` ends, structures with all that is in them; -1 where it is broken, or not all there before `end`. */
export function valueEnd(buf: Uint8Array, at: number, end: number): number {
  let next = at;
  for (let missing = 1; missing > 0; missing--) {
    if (next >= end) return -1;
    const byte = buf[next]!;
    const size = SIZE[byte]!;
    if (size > 0) {
      next += size;
    } else {
      const lengthBytes = size < 0 ? LENGTH_BYTES[byte]! : byte < 0xa0 ? 0 : collectionLengthBytes(byte);
      const header = size < 0 ? -size : 1 + lengthBytes;
      if (lengthBytes < 0 || next + header > end) return -1;
      const length = lengthBytes === 0 ? byte & 0x0f : readLength(buf, next + 1, lengthBytes);
      next += size < 0 ? header + length : header;
      if (size === 0) missing += isMap(byte) ? length * 2 : length;
    }
    // Each value takes a byte at the least: a count beyond what is there is refused before it is counted down.
    if (next > end || missing - 1 > end - next) return -1;
  }
  return next;
}

/** How many bytes hold the count of an array or map that is no short one; -1 for the byte that msgpack does not use. */
function collectionLengthBytes(byte: number): number {
  if (byte === 0xc1) return -1;
  return byte === 0xdc || byte === 0xde ? 2 : 4;
}

function isMap(byte: number): boolean {
  return byte < 0x90 || byte === 0xde || byte === 0xdf;
}

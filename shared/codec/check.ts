// Decides whether bytes from a peer may be decoded: exactly one msgpack value, whole, not too deep, and of portable types
// only. msgpackr decodes its own record and class extensions even where it is told not to write them (its records compile code),
// so nothing reaches it that did not pass here. Pure; allocates nothing; a look at each value's header, none at its body.

import { LENGTH_BYTES, readLength, SIZE } from "./sizes.ts";

/** Arrays and maps inside one another. The decoder recurses, so this bounds its stack. */
export const MAX_DEPTH = 128;

const left: Float64Array = new Float64Array(MAX_DEPTH + 1);

/** Undefined where `buf[start … end)` is one value that is safe to decode; otherwise why not, in words. */
export function valueProblem(buf: Uint8Array, start: number, end: number): string | undefined {
  let at = start;
  let depth = 0;
  left[0] = 1;
  for (;;) {
    while (left[depth] === 0) {
      if (depth === 0) return at === end ? undefined : "more bytes than one value has";
      depth--;
    }
    left[depth]!--;
    if (at >= end) return "it ends within a value";
    const byte = buf[at]!;
    const size = SIZE[byte]!;
    if (size > 0) {
      if (byte >= 0xd4 && byte <= 0xd8 && !isTimestamp(buf, at + 1, size - 2))
        return "an extension other than a timestamp";
      at += size;
    } else if (size < 0) {
      const header = at - size;
      if (header > end) return "it ends within a value";
      const bytes = readLength(buf, at + 1, LENGTH_BYTES[byte]!);
      if (byte >= 0xc7 && byte <= 0xc9 && !isTimestamp(buf, header - 1, bytes)) {
        return "an extension other than a timestamp";
      }
      at = header + bytes;
    } else {
      if (byte === 0xc1) return "a byte that msgpack does not use (0xc1)";
      const lengthBytes = byte < 0xa0 ? 0 : byte === 0xdc || byte === 0xde ? 2 : 4;
      if (at + 1 + lengthBytes > end) return "it ends within a value";
      const count = lengthBytes === 0 ? byte & 0x0f : readLength(buf, at + 1, lengthBytes);
      at += 1 + lengthBytes;
      const isMap = byte < 0x90 || byte >= 0xde;
      if (++depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH}`;
      left[depth] = isMap ? count * 2 : count;
      // Each value takes a byte at the least: a count beyond what is there is refused before anything is allocated for it.
      if (left[depth]! > end - at) return "it ends within a value";
    }
    if (at > end) return "it ends within a value";
  }
}

/** Ext type -1 with a body of 4, 8 or 12 bytes. */
function isTimestamp(buf: Uint8Array, typeAt: number, bytes: number): boolean {
  return buf[typeAt] === 0xff && (bytes === 4 || bytes === 8 || bytes === 12);
}

// Finds where frames end in a buffer, and where their elements begin. A frame is a msgpack array of scalars (protocol.md,
// Frames): this decides complete-or-not, allowed-or-not, too-large-or-not from headers alone, before anything is allocated
// or decoded. Pure; allocates nothing. Cost on the hot path: a table look-up and a few additions an element.

import { MAX_ELEMENTS } from "../protocol.ts";
import { LENGTH_BYTES, readLength, SIZE } from "./sizes.ts";

/** What {@link scanFrame} found. Need-more-bytes is a result, not an error. */
export const Scan = {
  /** A whole frame: the {@link Frame} describes it. */
  FRAME: 0,
  /** Not all of it is there: at least `frame.need` bytes from its first are needed to tell more. */
  MORE: 1,
  /** Broken msgpack, nested, not an array, or too many elements. */
  BAD: 2,
  /** Its headers alone say that it is larger than allowed. */
  TOO_LARGE: 3,
} as const;
export type Scan = (typeof Scan)[keyof typeof Scan];

/** The last frame that was scanned: offsets into the buffer that it was scanned in. Reused from frame to frame. */
export class Frame {
  /** Offset of the frame's first byte. */
  start = 0;
  /** Offset behind the frame's last byte. */
  end = 0;
  /** The op, or -1 where the first element is not an integer from 0 to 127 in any encoding. */
  op = -1;
  /** How many elements there are, the op among them. */
  count = 0;
  /** Where each element begins; `at[count]` is `end`. */
  readonly at: Int32Array = new Int32Array(MAX_ELEMENTS + 1);
  /** After {@link Scan.MORE}: how many bytes, from `start`, are needed before scanning again is worthwhile. */
  need = 1;
}

/**
 * Scans the frame that begins at `start`. `limit` is the offset behind the last byte that is there; `maxBytes` the largest
 * frame allowed. Fills `frame` whatever the result.
 */
export function scanFrame(buf: Uint8Array, start: number, limit: number, maxBytes: number, frame: Frame): Scan {
  frame.start = start;
  if (isPlainPublish(buf, start, limit, maxBytes, frame)) return Scan.FRAME;
  if (start >= limit) {
    frame.need = 1;
    return Scan.MORE;
  }
  let at = start + 1;
  let count = buf[start]! - 0x90;
  if (count < 0 || count > 15) {
    const bytes = buf[start] === 0xdc ? 2 : buf[start] === 0xdd ? 4 : 0;
    if (bytes === 0) return Scan.BAD;
    at += bytes;
    if (at > limit) return more(frame, at - start, maxBytes);
    count = readLength(buf, start + 1, bytes);
  }
  if (count === 0 || count > MAX_ELEMENTS) return Scan.BAD;
  frame.count = count;
  const offsets = frame.at;
  for (let i = 0; i < count; i++) {
    if (at >= limit) return more(frame, at + (count - i) - start, maxBytes);
    offsets[i] = at;
    const byte = buf[at]!;
    const size = SIZE[byte]!;
    if (size > 0) {
      at += size;
    } else if (size < 0) {
      const header = at - size;
      if (header > limit) return more(frame, header - start, maxBytes);
      at = header + readLength(buf, at + 1, LENGTH_BYTES[byte]!);
    } else {
      return Scan.BAD;
    }
    if (at > limit) return more(frame, at + (count - 1 - i) - start, maxBytes);
  }
  offsets[count] = at;
  frame.end = at;
  if (at - start > maxBytes) return Scan.TOO_LARGE;
  const op = buf[offsets[0]!]!;
  frame.op = op < 0x80 ? op : wideOp(buf, offsets[0]!);
  return Scan.FRAME;
}

/**
 * The frame that nearly all are: three elements, an op of one byte, a short topic, bytes of less than 256. What is anything else, or
 * not all there, is left to the loop.
 */
function isPlainPublish(buf: Uint8Array, start: number, limit: number, maxBytes: number, frame: Frame): boolean {
  if (start + 4 >= limit || buf[start] !== 0x93) return false;
  const op = buf[start + 1]!;
  const topicBytes = buf[start + 2]! - 0xa0;
  if (op >= 0x80 || topicBytes < 0 || topicBytes >= 0x20) return false;
  const payload = start + 3 + topicBytes;
  if (payload + 1 >= limit || buf[payload] !== 0xc4) return false;
  const end = payload + 2 + buf[payload + 1]!;
  if (end > limit || end - start > maxBytes) return false;
  const { at } = frame;
  at[0] = start + 1;
  at[1] = start + 2;
  at[2] = payload;
  at[3] = end;
  frame.count = 3;
  frame.end = end;
  frame.op = op;
  return true;
}

function more(frame: Frame, need: number, maxBytes: number): Scan {
  frame.need = need;
  return need > maxBytes ? Scan.TOO_LARGE : Scan.MORE;
}

/** An op in one of the wider integer encodings, which are as valid as the short one. */
function wideOp(buf: Uint8Array, at: number): number {
  const byte = buf[at]!;
  if (byte < 0xcc || byte > 0xd3) return -1;
  const bytes = 1 << ((byte - 0xcc) & 3);
  for (let i = 1; i < bytes; i++) if (buf[at + i] !== 0) return -1;
  const op = buf[at + bytes]!;
  return op < 0x80 ? op : -1;
}

// What a benchmark message holds, so that its receiver can tell whether it is the right one and whole. Pure. Cost: eight bytes
// written by the sender and eight read by the receiver; both sides of every comparison pay it alike.
//
//   0                4                    12                    length - 4           length
//   | number, marks  | sent at (latency)  | filler, never read  | first word, inverted |

const MIN_BYTES = 16;

/** The message from which on the rate counts: what came before warmed the processes up. */
export const FIRST = 0x4000_0000;
/** A message of the tail, whose arrival may be the end. */
export const LAST = 0x8000_0000;

const NUMBER = 0x3fff_ffff;

/** A payload to stamp again and again. */
export function newPayload(bytes: number): Buffer {
  return Buffer.alloc(Math.max(bytes, MIN_BYTES), 0x61);
}

export function stamp(payload: Buffer, number: number, marks: number): void {
  const word = number | marks;
  const tail = payload.length - 4;
  payload[0] = word;
  payload[1] = word >>> 8;
  payload[2] = word >>> 16;
  payload[3] = word >>> 24;
  payload[tail] = ~word;
  payload[tail + 1] = ~word >>> 8;
  payload[tail + 2] = ~word >>> 16;
  payload[tail + 3] = ~word >>> 24;
}

/** The first word of a message in `buf[start, end)`, as an unsigned number; -1 where it is not whole. */
export function readStamp(buf: Uint8Array, start: number, end: number): number {
  const first = word(buf, start);
  return end - start >= MIN_BYTES && word(buf, end - 4) === ~first ? first >>> 0 : -1;
}

export const numberOf = (stamped: number): number => stamped & NUMBER;
export const marksOf = (stamped: number): number => (stamped & ~NUMBER) >>> 0;

/** Nanoseconds of {@link nowNs}. */
export function stampTime(payload: Buffer, sentNs: number): void {
  payload.writeDoubleLE(sentNs, 4);
}

export function readTime(buf: Uint8Array, start: number): number {
  return new DataView(buf.buffer, buf.byteOffset + start).getFloat64(4, true);
}

function word(buf: Uint8Array, at: number): number {
  return buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
}

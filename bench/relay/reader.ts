// The relay's way in: reads into one buffer again and again, finds the records in it and calls a handler for each, which must not
// keep the bytes. A record is a length of four bytes and as many bytes, or a line. Cost: one call a record, no object, no copy but
// of what a read left unfinished.

import type { OnReadOpts } from "node:net";

/** Takes `buf[start, end)`, which is valid during the call. */
export type TakeRecord = (buf: Buffer, start: number, end: number) => void;

/** Finds the whole records in `buf[start, end)`, hands them on, and returns where the first unfinished one begins. */
export type Scan = (buf: Buffer, start: number, end: number) => number;

const FIRST_READ_BYTES = 16 * 1024;
const READ_BYTES = 256 * 1024;

/** What makes a socket read for `scan`. */
export function readInto(scan: Scan): OnReadOpts {
  let readBytes = FIRST_READ_BYTES; // more once reads fill it: a thousand connections that get little need little
  let buf: Buffer = Buffer.allocUnsafeSlow(4 * readBytes);
  let start = 0;
  let end = 0;
  return {
    buffer: () => {
      if (buf.length - end < readBytes) {
        const wanted = Math.max(4 * readBytes, end - start > buf.length / 2 ? 2 * buf.length : 0);
        const target = wanted > buf.length ? Buffer.allocUnsafeSlow(wanted) : buf;
        buf.copy(target, 0, start, end);
        end -= start;
        start = 0;
        buf = target;
      }
      return buf.subarray(end);
    },
    callback: (bytes) => {
      end += bytes;
      if (end === buf.length) readBytes = READ_BYTES;
      start = scan(buf, start, end);
      if (start === end) start = end = 0;
      return true;
    },
  };
}

export function scanRecords(take: TakeRecord): Scan {
  return (buf, start, end) => {
    let at = start;
    while (end - at >= 4) {
      const next = at + 4 + (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24));
      if (next > end) break;
      take(buf, at + 4, next);
      at = next;
    }
    return at;
  };
}

const LINE_FEED = 10;

/** Takes what each line holds, as JSON. The lines of a read are made a string at once: that is faster than one by one. */
export function scanLines(take: (value: unknown) => void): Scan {
  return (buf, start, end) => {
    const last = buf.lastIndexOf(LINE_FEED, end - 1);
    if (last < start) return start;
    for (const line of buf.toString("utf8", start, last).split("\n")) take(JSON.parse(line));
    return last + 1;
  };
}

// Walks the frames of a range that was scanned when it came in, to cut it between two messages.

import { Frame, Scan, scanFrame } from "../../shared/codec/scan.ts";

const scanned: Frame = new Frame();

/** Where the frame that begins at `start` ends. The range up to `limit` holds whole frames, or the broker has a bug. */
export function frameEnd(buf: Buffer, start: number, limit: number): number {
  if (scanFrame(buf, start, limit, Number.POSITIVE_INFINITY, scanned) !== Scan.FRAME) {
    throw new Error("a range does not hold whole frames");
  }
  return scanned.end;
}

/** How many whole frames there are in `buf[start … end)`: for checks of the books. */
export function countFrames(buf: Buffer, start: number, end: number): number {
  let frames = 0;
  for (let at = start; at < end; frames++) at = frameEnd(buf, at, end);
  return frames;
}

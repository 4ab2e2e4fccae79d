// The topic of a message that waits: read from its frame, where the publish that brought it is over.

import { readStr } from "../../shared/codec/read.ts";
import { Frame, scanFrame } from "../../shared/codec/scan.ts";

const frame: Frame = new Frame();

/** The topic of the message that begins at `start`. */
export function topicOf(buf: Buffer, start: number, end: number): string {
  scanFrame(buf, start, end, Number.POSITIVE_INFINITY, frame);
  return readStr(buf, frame.at[1]!, frame.at[2]!)!;
}

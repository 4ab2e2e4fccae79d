// Encodes one publish into a batch. Cost: this is the publisher's hot path; bytes without headers take one reservation and two
// copies, everything else goes through the codec.

import { type Headers, writePayload, writeValue } from "../shared/codec/value.ts";
import type { FrameWriter } from "../shared/codec/write.ts";
import type { Topic } from "./topic-table.ts";

/** Looked up once: what Buffer inherits is looked up anew at each call, which costs as much as the copy of a short payload. */
const { set: setBytes } = Uint8Array.prototype;

/** @throws PodbusError `bad_payload`; the writer is then as it was before. */
export function encodePublish(w: FrameWriter, op: number, topic: Topic, data: unknown, headers?: Headers): void {
  if (headers === undefined && data instanceof Uint8Array) {
    encodeBytes(w, op, topic, data);
    return;
  }
  const start = w.length;
  try {
    w.frame(headers === undefined ? 3 : 4, op).raw(topic.encoded);
    writePayload(w, data);
    if (headers !== undefined) writeValue(w, headers);
  } catch (error) {
    w.length = start;
    throw error;
  }
}

function encodeBytes(w: FrameWriter, op: number, { start, startBytes }: Topic, data: Uint8Array): void {
  const bytes = data.length;
  w.reserve(startBytes + bytes + 8); // the last word of the start may reach beyond it
  const { buf, view, length } = w;
  for (let i = 0; i < start.length; i++) view.setInt32(length + 4 * i, start[i]!);
  buf[length + 1] = op;
  let at = length + startBytes;
  if (bytes < 0x100) {
    buf[at++] = 0xc4;
    buf[at++] = bytes;
  } else if (bytes < 0x10000) {
    buf[at++] = 0xc5;
    buf[at++] = bytes >> 8;
    buf[at++] = bytes & 0xff;
  } else {
    buf[at] = 0xc6;
    at = buf.writeUInt32BE(bytes, at + 1);
  }
  setBytes.call(buf, data, at);
  w.length = at + bytes;
}

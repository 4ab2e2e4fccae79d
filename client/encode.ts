// Encodes one publish into a batch. Cost: this is the publisher's hot path; bytes without headers take one reservation and two
// copies, everything else goes through the codec.

import { type Headers, writePayload, writeValue } from "../shared/codec/value.ts";
import type { FrameWriter } from "../shared/codec/write.ts";
import type { Topic } from "./topic-table.ts";

/** Below this a loop beats the call into the runtime. */
const LOOP_BYTES = 40;

/** @throws PodbusError `bad_payload`; the writer is then as it was before. */
export function encodePublish(w: FrameWriter, op: number, topic: Topic, data: unknown, headers?: Headers): void {
  if (headers === undefined && data instanceof Uint8Array) {
    encodeBytes(w, op, topic.encoded, data);
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

function encodeBytes(w: FrameWriter, op: number, name: Uint8Array, data: Uint8Array): void {
  const nameBytes = name.length;
  const bytes = data.length;
  w.reserve(nameBytes + bytes + 7);
  const { buf } = w;
  let at = w.length;
  buf[at++] = 0x93;
  buf[at++] = op;
  if (nameBytes <= LOOP_BYTES) for (let i = 0; i < nameBytes; i++) buf[at + i] = name[i]!;
  else buf.set(name, at);
  at += nameBytes;
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
  buf.set(data, at);
  w.length = at + bytes;
}

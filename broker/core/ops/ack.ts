// ACK: a member of a queue settles what it was handed, or says that it works on it still.

import type { Frame } from "../../../shared/codec/scan.ts";
import { MAX_ID, MAX_SEQ } from "../../../shared/protocol.ts";
import { AckMember, AckVerdict } from "../ack-member.ts";
import type { PooledChunk } from "../chunks.ts";
import type { Core } from "../core.ts";
import { has, needId, needInt } from "../elements.ts";
import type { Peer } from "../peer.ts";

export function ack(_core: Core, peer: Peer, frame: Frame, chunk: PooledChunk): void {
  const { buf } = chunk;
  const sid = needId(buf, frame, 1, "sid");
  const first = needInt(buf, frame, 2, "firstSeq", 0, MAX_SEQ);
  const last = needInt(buf, frame, 3, "lastSeq", 0, MAX_SEQ);
  const verdict = needInt(buf, frame, 4, "verdict", AckVerdict.DONE, AckVerdict.WORKING);
  const delayMs = has(buf, frame, 5) ? needInt(buf, frame, 5, "delayMs", 0, MAX_ID) : 0;
  const live = peer.ids.get(sid);
  if (live instanceof AckMember && first <= last) live.settle(first, last, verdict, delayMs);
}

// The PUBs behind one that are like it but for their payloads: of its topic, without headers, in its chunk. They go where it went, all
// at once: a range is extended once, not a message at a time. Cost of a message: a comparison of its first bytes, four at a time, and
// its length.
//
//   | 93 03 | topic | c4 | length | payload | 93 03 | topic | c4 | length | payload | ...
//   └───────── first ──────────┘              └── alike ───────┘

import type { Frame } from "../../../shared/codec/scan.ts";
import { LENGTH_BYTES, readLength, SIZE } from "../../../shared/codec/sizes.ts";
import type { PooledChunk } from "../chunks.ts";
import type { Core } from "../core.ts";
import type { Peer } from "../peer.ts";
import type { Route } from "../routes.ts";
import { countPublished } from "./publish.ts";

/** What is compared is compared a word at a time: no PUB has less before its payload. */
const WORD_BYTES = 4;

/**
 * Publishes the frames behind `first`, which went to `route`: those that are like it and end by `limit`, until `core.work` has reached
 * `mostWork`; none where a receiver might get full by them. Returns where the last of them ends.
 */
export function publishAlike(
  core: Core,
  peer: Peer,
  first: Frame,
  route: Route,
  chunk: PooledChunk,
  limit: number,
  mostWork: number,
): number {
  const { at, count, start, end } = first;
  const { buf, view } = chunk;
  const { outboxes } = route;
  const alike = at[2]! + 1 - start;
  const type = buf[at[2]!]!;
  const lengthBytes = LENGTH_BYTES[type]!;
  if (count !== 3 || lengthBytes === 0 || peer.off.size > 0) return end;
  const header = alike - 1 - SIZE[type]!;
  // Looked at first, for there may be many receivers.
  if (end + header > limit || !isAlike(view, start, end, alike)) return end;
  const bytes = limit - end;
  const most = Math.min(Math.ceil(bytes / header), (mostWork - core.work) / outboxes.length);
  for (let i = 0; i < outboxes.length; i++) if (!outboxes[i]!.hasRoomFor(most, bytes)) return end;
  const longest = core.options.maxFrame - header;
  let messages = 0;
  let last = start;
  let next = end;
  while (messages < most && next + header <= limit && isAlike(view, start, next, alike)) {
    const length = lengthBytes === 1 ? buf[next + alike]! : readLength(buf, next + alike, lengthBytes);
    if (length > longest || next + header + length > limit) break;
    last = next;
    next += header + length;
    messages++;
  }
  if (messages === 0) return end;
  countPublished(core, peer, route, messages, next - end);
  route.heat += messages;
  for (let i = 0; i < outboxes.length; i++) outboxes[i]!.extend(chunk, end, next, messages, next - last);
  return next;
}

/** From the end: what is of another topic differs there, rather than at its beginning. */
function isAlike(view: DataView, first: number, next: number, bytes: number): boolean {
  let at = bytes - WORD_BYTES;
  for (; at > 0; at -= WORD_BYTES) if (view.getInt32(first + at) !== view.getInt32(next + at)) return false;
  return view.getInt32(first) === view.getInt32(next);
}

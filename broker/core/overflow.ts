// What becomes of a message that finds a receiver's queue full: one function a policy. Off the hot path of receivers that keep up.

import type { PooledChunk } from "./chunks.ts";
import type { Core } from "./core.ts";
import { LatestOutbox } from "./latest.ts";
import type { Outbox } from "./outbox.ts";
import type { Peer } from "./peer.ts";

/** What a publish of `peer` on `topic` is to do with a receiver that is full. */
export const Verdict = {
  /** Add the message. */
  ADD: 0,
  /** It has been dealt with, and counts as a delivery. */
  TAKEN: 1,
  /** The receiver does not get it, and it is no delivery. */
  LEFT: 2,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** `chunk.buf[start … end)` is published on `topic` by `peer`, or by the broker itself, and `outbox` is full. */
export function overflow(
  core: Core,
  peer: Peer | undefined,
  topic: string,
  outbox: Outbox,
  chunk: PooledChunk,
  start: number,
  end: number,
): Verdict {
  if (outbox instanceof LatestOutbox) {
    if (outbox.heedsHeaders) return Verdict.ADD; // its owner adds it, with an eye on its times
    outbox.put(topic, chunk, start, end);
    return Verdict.TAKEN;
  }
  // Full is what can't be handed on: this turn's messages may still wait for its end.
  outbox.owner.relieve();
  if (!outbox.full) return Verdict.ADD;
  switch (outbox.overflow) {
    case "drop-oldest":
      outbox.trim();
      outbox.putOff();
      while (outbox.full && outbox.owner.dropOldest());
      return Verdict.ADD;
    case "drop-newest":
      outbox.lose();
      return Verdict.LEFT;
    case "disconnect":
      outbox.owner.disconnect();
      return Verdict.LEFT;
    default:
      if (peer === undefined) {
        outbox.lose(); // the broker's own messages never wait
        return Verdict.LEFT;
      }
      core.flow.block(peer, topic, outbox);
      return Verdict.ADD;
  }
}

// Whether those whom publishers wait for show signs of life. Who waits for whom is the broker's own account, and when somebody was last
// at work the oracle's. One that is slow may take as long as it likes.

import { holderOf } from "../../broker/core/flow.ts";
import type { Peer } from "../../broker/core/peer.ts";
import type { SimulatedBroker } from "./broker.ts";
import type { Oracle } from "./oracle/oracle.ts";
import { Violation } from "./trace.ts";

/** Throws where somebody has held others up for `mostMs`, and shown no sign of life. */
export function checkStalled(broker: SimulatedBroker, oracle: Oracle, mostMs: number): void {
  for (const [outbox, awaitedSinceMs] of broker.core.flow.awaited()) {
    for (const { peer, sid } of holderOf(outbox).receivers()) {
      const connection = broker.connections.get(peer.number)!;
      const countsFromMs = peer.paused ? ringSinceMs(peer, broker) : connection.resumedAtMs;
      const sinceMs = Math.max(awaitedSinceMs, oracle.lastSignMs(connection, sid), countsFromMs);
      if (broker.nowMs - sinceMs < mostMs) continue;
      throw new Violation(`publishers wait still, for client ${peer.number}, which shows no sign of life`);
    }
  }
}

/** Since when `peer`, which is not read from, waits for itself through others that are not either. Its time does not count without that. */
function ringSinceMs(peer: Peer, { connections }: SimulatedBroker): number {
  const ring = new Set([peer]);
  let isClosed = false;
  for (const { off } of ring) {
    const receivers = [...off.values()].flatMap((outboxes) => Array.from(outboxes, (it) => holderOf(it).receivers()));
    for (const { peer: next } of receivers.flat()) {
      isClosed ||= next === peer;
      if (next.paused) ring.add(next);
    }
  }
  if (!isClosed) return Number.POSITIVE_INFINITY;
  return Math.max(...Array.from(ring, ({ number }) => connections.get(number)!.pausedAtMs));
}

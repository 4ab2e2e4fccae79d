// Many connections in one process, each with a subscription of its own.

import { nowNs } from "../clock.ts";
import { settled } from "../settle.ts";
import { loadSide } from "../sides/side.ts";
import { Tally, type TallyResult } from "../tally.ts";
import { LOST_MS, type ReceiveParams } from "./receive.ts";
import type { Role } from "./role.ts";

export interface ReceiveManyResult {
  /** From the first connection's begin until every subscription was in place. */
  readonly openMs: number;
  readonly tallies: readonly TallyResult[];
}

export const receiveMany: Role<Omit<ReceiveParams, "queue"> & { connections: number }, ReceiveManyResult> = async (
  { side: sideName, address, pattern, bytes, connections },
  control,
) => {
  const side = await loadSide(sideName);
  const tallies = Array.from({ length: connections }, () => new Tally("all", bytes, nowNs));
  const startMs = performance.now();
  await Promise.all(
    tallies.map((tally) => side.receive(address, pattern, {}, (buf, start, end) => tally.take(buf, start, end))),
  );
  const openMs = performance.now() - startMs;
  control.ready();
  const sent = (await control.told("expect")) as number;
  const total = (): number => tallies.reduce((sum, { count }) => sum + count, 0);
  await settled(total, sent * connections, LOST_MS);
  return { openMs, tallies: tallies.map((tally) => tally.result()) };
};

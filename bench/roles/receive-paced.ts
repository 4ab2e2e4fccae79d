// Receives paced messages, and notes how long after it was due each came.

import { nowNs } from "../clock.ts";
import { settled } from "../settle.ts";
import { loadSide } from "../sides/side.ts";
import { readTime } from "../stamp.ts";
import { Tally, type TallyResult } from "../tally.ts";
import { LOST_MS, type ReceiveParams } from "./receive.ts";
import type { Role } from "./role.ts";

export interface ReceivePacedResult {
  readonly tally: TallyResult;
  /** Microseconds, in order of arrival, those of the warm-up among them. */
  readonly latenciesUs: Float64Array;
}

export const receivePaced: Role<Omit<ReceiveParams, "options">, ReceivePacedResult> = async (params, control) => {
  const { side, address, pattern, bytes } = params;
  const tally = new Tally("all", bytes, nowNs);
  const latenciesUs: number[] = [];
  await (
    await loadSide(side)
  ).receive(address, pattern, {}, (buf, start, end) => {
    tally.take(buf, start, end);
    latenciesUs.push((nowNs() - readTime(buf, start)) / 1000);
  });
  control.ready();
  const sent = (await control.told("expect")) as number;
  await settled(() => tally.count, sent, LOST_MS);
  return { tally: tally.result(), latenciesUs: Float64Array.from(latenciesUs) };
};

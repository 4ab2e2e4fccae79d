// Receives messages and keeps the books of them.

import { nowNs } from "../clock.ts";
import { settled } from "../settle.ts";
import { loadSide, type Messages, type ReceiveOptions, type SideWith } from "../sides/side.ts";
import { type Expectation, Tally, type TallyResult } from "../tally.ts";
import type { Role } from "./role.ts";

export interface ReceiveParams {
  readonly side: SideWith<Messages>;
  readonly address: string;
  readonly pattern: string;
  readonly bytes: number;
  /** How to subscribe. @default to everything */
  readonly options?: ReceiveOptions;
}

/** How long nothing may come before what is missing counts as lost. */
export const LOST_MS = 5000;
/** How long nothing may come before a queue's member takes it that the others have the rest. */
const SHARED_MS = 250;

/** Is told `expect` with the number of messages that were sent. */
export const receive: Role<ReceiveParams, TallyResult> = async (params, control) => {
  const { side, address, pattern, bytes, options = {} } = params;
  const expectation: Expectation = options.queue === undefined ? "all" : "share";
  const tally = new Tally(expectation, bytes, nowNs);
  await (await loadSide(side)).receive(address, pattern, options, (buf, start, end) => tally.take(buf, start, end));
  control.ready();
  const sent = (await control.told("expect")) as number;
  if (expectation === "all") await settled(() => tally.count, sent, LOST_MS);
  else await settled(() => tally.count, Infinity, SHARED_MS);
  return tally.result();
};

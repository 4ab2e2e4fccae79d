// Calls, with a number of requests in flight at any moment, and checks that each answer is to its own request.

import { percentile } from "../percentiles.ts";
import { loadSide, type Requests, type SideWith } from "../sides/side.ts";
import { newPayload, numberOf, readStamp, stamp } from "../stamp.ts";
import type { Role } from "./role.ts";

export interface CallParams {
  readonly side: SideWith<Requests>;
  readonly address: string;
  readonly topic: string;
  readonly bytes: number;
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

export interface CallResult {
  readonly perSecond: number;
  /** Round trips, in microseconds. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly fault: string | undefined;
}

export const call: Role<CallParams, CallResult> = async (params, control) => {
  const { side, address, topic, bytes, inFlight, warmUpMs, durationMs } = params;
  const caller = await (await loadSide(side)).caller(address);
  control.ready();
  await control.told("go");

  let number = 0;
  let fault: string | undefined;
  let roundTripsMs: number[] = [];
  const until = async (endMs: number): Promise<void> => {
    const payload = newPayload(bytes);
    for (let now = performance.now(); now < endMs;) {
      const own = number++;
      stamp(payload, own, 0);
      const answer = await caller.call(topic, payload);
      const stamped = answer.length === bytes ? readStamp(answer, 0, bytes) : -1;
      if (stamped < 0 || numberOf(stamped) !== own) fault ??= `the answer to request ${own} is not its own`;
      const then = performance.now();
      roundTripsMs.push(then - now);
      now = then;
    }
  };
  const untilAll = (endMs: number): Promise<unknown> =>
    Promise.all(Array.from({ length: inFlight }, () => until(endMs)));

  await untilAll(performance.now() + warmUpMs);
  roundTripsMs = [];
  const startMs = performance.now();
  await untilAll(startMs + durationMs);
  const elapsedMs = performance.now() - startMs;
  const sorted = Float64Array.from(roundTripsMs).sort();
  return {
    perSecond: sorted.length / (elapsedMs / 1000),
    p50Us: percentile(sorted, 0.5) * 1000,
    p99Us: percentile(sorted, 0.99) * 1000,
    fault,
  };
};

// Empties a kept queue, and takes the time from when it subscribes until the last message has come: of what waits there already, or
// of rounds that it fills itself.

import { type Bus, connect } from "../../client/index.ts";
import { numberOf, readStamp } from "../stamp.ts";
import { type FillParams, KEPT, publishAll } from "./fill.ts";
import type { Role } from "./role.ts";

export interface DrainParams extends FillParams {
  /** How often; 0 where as many messages as in a round wait already, and are taken once. */
  readonly rounds: number;
}

/** Rounds that compile what is hot, on a queue of their own: as many messages for everybody. */
const WARM_UP = { topic: "bench.warm-up", queue: "warm-up", rounds: 300, messages: 1000 };

/** Resolves with nanoseconds a message. */
export const drain: Role<DrainParams, number> = async (params, control) => {
  const bus = await connect({ address: params.address });
  await drainRounds(bus, { ...params, ...WARM_UP });
  control.ready();
  await control.told("go");
  const { rounds, messages } = params;
  const tookMs = rounds === 0 ? await drainOnce(bus, params) : await drainRounds(bus, params);
  return (tookMs * 1e6) / (messages * Math.max(1, rounds));
};

async function drainRounds(bus: Bus, params: DrainParams): Promise<number> {
  const first = bus.subscribe(params.topic, { queue: params.queue, ...KEPT });
  await first.ready;
  await first.unsubscribe();
  let tookMs = 0;
  for (let round = 0; round < params.rounds; round++) {
    await publishAll(bus, params);
    tookMs += await drainOnce(bus, params);
  }
  return tookMs;
}

/** Takes all that waits, and checks that it is whole and in order. Resolves with milliseconds. */
async function drainOnce(bus: Bus, { topic, queue, messages }: DrainParams): Promise<number> {
  let count = 0;
  let fault: string | undefined;
  let finished = (): void => {};
  const all = new Promise<void>((resolve) => {
    finished = resolve;
  });
  const startMs = performance.now();
  const subscription = bus.subscribe(topic, { queue, ...KEPT }, ({ bytes }) => {
    if (numberOf(readStamp(bytes, 0, bytes.length)) !== count) fault ??= `message ${count} is not the one that came`;
    if (++count === messages) finished();
  });
  await all;
  const tookMs = performance.now() - startMs;
  if (fault !== undefined) throw new Error(fault);
  await subscription.unsubscribe();
  return tookMs;
}

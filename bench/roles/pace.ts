// Publishes at a fixed rate. Each message carries the time at which it was due, so that a publisher that is held up counts as late. It
// turns the event loop all the time, since a timer's millisecond is too coarse: it keeps one core busy.

import { nowNs } from "../clock.ts";
import { loadSide } from "../sides/side.ts";
import { FIRST, newPayload, stamp, stampTime } from "../stamp.ts";
import type { PublishParams, PublishResult } from "./publish.ts";
import type { Role } from "./role.ts";

export interface PaceParams extends Omit<PublishParams, "topics" | "tail"> {
  readonly topic: string;
  readonly perSecond: number;
}

export const pace: Role<PaceParams, PublishResult> = async (params, control) => {
  const { address, topic, perSecond, warmUpMs, durationMs } = params;
  const sender = await (await loadSide(params.side)).sender(address);
  const payload = newPayload(params.bytes);
  control.ready();
  await control.told("go");
  const warmUp = Math.round((warmUpMs / 1000) * perSecond);
  const sent = warmUp + Math.round((durationMs / 1000) * perSecond);
  const everyNs = 1e9 / perSecond;
  const startNs = nowNs();
  for (let number = 0; number < sent;) {
    const due = Math.min(sent, Math.floor((nowNs() - startNs) / everyNs));
    while (number < due) {
      stamp(payload, number, number === warmUp ? FIRST : 0);
      stampTime(payload, startNs + number * everyNs);
      number++;
      const full = sender.publish(topic, payload);
      if (full !== undefined) await full;
    }
    await new Promise(setImmediate);
  }
  await sender.flush();
  return { sent, warmUp };
};

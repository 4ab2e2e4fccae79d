// Fills a kept queue, that nobody takes from, with as many messages as it is told.

import { type Bus, connect, type SubscribeOptions } from "../../client/index.ts";
import { newPayload, stamp } from "../stamp.ts";
import type { Role } from "./role.ts";

export interface FillParams {
  readonly address: string;
  readonly topic: string;
  readonly queue: string;
  readonly bytes: number;
  readonly messages: number;
}

/** How a queue is subscribed to that is to hold any number of messages. */
export const KEPT: SubscribeOptions = {
  keep: true,
  maxMessages: Number.MAX_SAFE_INTEGER,
  maxBytes: Number.MAX_SAFE_INTEGER,
};

export const fill: Role<FillParams, void> = async (params, control) => {
  const { address, topic, queue } = params;
  const bus = await connect({ address });
  const subscription = bus.subscribe(topic, { queue, ...KEPT });
  await subscription.ready;
  await subscription.unsubscribe();
  control.ready();
  await control.told("go");
  await publishAll(bus, params);
  await bus.close();
};

/** Resolves once the broker has all of them. */
export async function publishAll(
  bus: Bus,
  { topic, bytes, messages }: Omit<FillParams, "address" | "queue">,
): Promise<void> {
  const payload = newPayload(bytes);
  for (let number = 0; number < messages; number++) {
    stamp(payload, number, 0);
    const full = bus.publish(topic, payload);
    if (full !== undefined) await full;
  }
  await bus.flush();
}

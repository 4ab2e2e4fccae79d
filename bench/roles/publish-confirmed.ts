// Publishes in batches to a durable queue, and waits after each until the broker has confirmed it: until it is on disk.

import { connect } from "../../client/index.ts";
import { newPayload, stamp } from "../stamp.ts";
import { type BatchParams, type BatchResult, timeBatches } from "./batches.ts";
import type { Role } from "./role.ts";

export interface PublishConfirmedParams extends BatchParams {
  readonly address: string;
  readonly topic: string;
  /** Made here, so that it holds what comes while nobody takes it. */
  readonly queue: string;
}

export const publishConfirmed: Role<PublishConfirmedParams, BatchResult> = async (params, control) => {
  const { address, topic, queue, bytes, batch } = params;
  const bus = await connect({ address });
  const limits = { maxMessages: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER };
  const subscription = bus.subscribe(topic, { queue, ack: true, durable: true, ...limits });
  await subscription.ready;
  await subscription.unsubscribe();
  await bus.flush();
  control.ready();
  await control.told("go");
  const payload = newPayload(bytes);
  let number = 0;
  return timeBatches(params, async () => {
    for (let i = 0; i < batch; i++) {
      stamp(payload, number++, 0);
      const full = bus.publish(topic, payload);
      if (full !== undefined) await full;
    }
    await bus.flush();
  });
};

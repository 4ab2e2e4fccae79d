// Looks into the broker's books of one queue, from outside as any client may.

import { setTimeout as sleep } from "node:timers/promises";

import { connect } from "../client/index.ts";

interface QueueCounts {
  readonly waiting: number;
  readonly inFlight: number;
  readonly settled: number;
  readonly redelivered: number;
}

const PATIENCE_MS = 5000;
const LOOK_MS = 5;

/** Resolves once all `sent` messages of the queue are acknowledged, each at its first delivery. Throws where they are not. */
export async function needSettled(address: string, queue: string, sent: number): Promise<void> {
  await needCounts(
    address,
    queue,
    `${sent} settled`,
    ({ settled, redelivered }) => settled === sent && redelivered === 0,
  );
}

/** Resolves once `count` messages wait in the queue, and none is elsewhere. Throws where it stays otherwise. */
export async function needWaiting(address: string, queue: string, count: number): Promise<void> {
  await needCounts(address, queue, `${count} waiting`, ({ waiting, inFlight }) => waiting === count && inFlight === 0);
}

async function needCounts(
  address: string,
  queue: string,
  what: string,
  are: (counts: QueueCounts) => boolean,
): Promise<void> {
  const bus = await connect({ address });
  try {
    const endMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const counts = (await bus.request("$sys.queue.show", { queue })) as QueueCounts;
      if (are(counts)) return;
      if (performance.now() > endMs) throw new Error(`queue ${queue} should have ${what}: ${JSON.stringify(counts)}`);
      await sleep(LOOK_MS);
    }
  } finally {
    await bus.close();
  }
}

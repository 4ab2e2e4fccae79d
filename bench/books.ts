// Looks into the books of one queue, from outside as any client may.

import { setTimeout as sleep } from "node:timers/promises";

import { loadSide, type Messages, type QueueCounts, type SideWith } from "./sides/side.ts";

/** Which queue, and who keeps its books. */
interface Queue {
  readonly side: SideWith<Messages>;
  readonly address: string;
  readonly topic: string;
  readonly queue: string;
}

/** How long nothing may change before what is missing counts as lost. */
const PATIENCE_MS = 5000;
/** Seldom enough that whoever is measured does not notice. */
const LOOK_MS = 20;

/** Resolves once all `sent` messages of the queue are acknowledged, each at its first delivery. Throws where they are not. */
export async function needSettled(queue: Queue, sent: number): Promise<void> {
  await needCounts(
    queue,
    `${sent} settled`,
    ({ waiting, inFlight, settled, redelivered = 0 }) =>
      settled === sent && waiting === 0 && inFlight === 0 && redelivered === 0,
  );
}

/** Resolves once `count` messages wait in the queue, and none is elsewhere. Throws where it stays otherwise. */
export async function needWaiting(queue: Queue, count: number): Promise<void> {
  await needCounts(queue, `${count} waiting`, ({ waiting, inFlight }) => waiting === count && inFlight === 0);
}

async function needCounts(
  { side, address, topic, queue }: Queue,
  what: string,
  are: (counts: QueueCounts) => boolean,
): Promise<void> {
  const books = await loadSide(side);
  if (!("counts" in books)) throw new Error(`nothing is acknowledged on the side ${side}`);
  let last = "";
  let sinceMs = performance.now();
  for (;;) {
    const counts = await books.counts(address, topic, queue);
    if (are(counts)) return;
    const { waiting, inFlight, settled, redelivered = 0 } = counts;
    const now = JSON.stringify({ waiting, inFlight, settled, redelivered });
    if (now !== last) sinceMs = performance.now();
    else if (performance.now() - sinceMs > PATIENCE_MS) throw new Error(`queue ${queue} should have ${what}: ${now}`);
    last = now;
    await sleep(LOOK_MS);
  }
}

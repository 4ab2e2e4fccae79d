// Waits until a receiver has everything that was sent.

import { setTimeout as sleep } from "node:timers/promises";

const LOOK_MS = 5;

/** Resolves once `count()` is `expected`, or has not changed for `quietMs`: what is missing then is found by who compares. */
export async function settled(count: () => number, expected: number, quietMs: number): Promise<void> {
  let last = count();
  let since = performance.now();
  while (last < expected) {
    await sleep(LOOK_MS);
    const now = count();
    if (now !== last) since = performance.now();
    else if (performance.now() - since >= quietMs) return;
    last = now;
  }
}

// Says on standard error what holds a publisher up, once that has lasted a while, and when it goes on.

import type { Bus } from "../../client/index.ts";
import { displayLine } from "../display.ts";
import { formatDuration } from "../units.ts";

/** Shorter waits are the usual course of things. */
const PATIENCE_MS = 1000;

interface Held {
  readonly sinceMs: number;
  readonly timer: NodeJS.Timeout;
  isTold: boolean;
}

/** @param tell takes a line. */
export function tellBlocked(bus: Pick<Bus, "on">, tell: (line: string) => void): void {
  const held = new Map<string, Held>();
  bus.on("blocked", ({ topic, why = "a queue or a client" }) => {
    const timer = setTimeout(() => {
      it.isTold = true;
      tell(`${displayLine(topic, true)} is held up by ${displayLine(why, true)}, which is full; waiting`);
    }, PATIENCE_MS);
    timer.unref();
    const it: Held = { sinceMs: performance.now(), timer, isTold: false };
    held.set(topic, it);
  });
  bus.on("unblocked", ({ topic }) => {
    const it = held.get(topic);
    if (it === undefined) return;
    held.delete(topic);
    clearTimeout(it.timer);
    if (!it.isTold) return;
    tell(`${displayLine(topic, true)} goes on after ${formatDuration(performance.now() - it.sinceMs)}`);
  });
}

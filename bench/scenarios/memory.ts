// What an idle broker keeps in memory above a Node that does nothing.

import { setTimeout as sleep } from "node:timers/promises";

import { residentBytes } from "../processes.ts";
import type { Scenario } from "./scenario.ts";

const MIB = 1024 * 1024;
/** What a start leaves to be done, and to be collected, is done by then. */
const IDLE_MS = 1000;

export const memory: Scenario = {
  name: "memory",
  what: "memory (RSS) of an idle broker, above a bare Node",
  metrics: [{ key: "rss", unit: "MiB", by: "difference", bar: { of: "difference", at: "most", value: 15 } }],
  base: {
    name: "bare node",
    measure: async ({ stage }) => ({ rss: await idle(stage.bareNode().pid) }),
  },
  bus: async ({ stage }) => ({ rss: await idle((await stage.broker()).pid) }),
};

async function idle(pid: number): Promise<number> {
  await sleep(IDLE_MS);
  return residentBytes(pid) / MIB;
}

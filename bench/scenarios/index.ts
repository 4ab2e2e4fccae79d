// All scenarios, in the order in which they run and are shown.

import { connections } from "./connections.ts";
import { durable } from "./durable.ts";
import { fanOut } from "./fan-out.ts";
import { flood } from "./flood.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { oneToOne } from "./one-to-one.ts";
import { peers } from "./peers.ts";
import { queue } from "./queue.ts";
import { requests } from "./request.ts";
import { rules } from "./rules.ts";
import type { Scenario } from "./scenario.ts";
import { start } from "./start.ts";
import { stopped } from "./stopped.ts";
import { structured } from "./structured.ts";
import { topics } from "./topics.ts";
import { waiting } from "./waiting.ts";
import { workQueue } from "./work-queue.ts";

export const scenarios: readonly Scenario[] = [
  ...oneToOne,
  fanOut,
  stopped,
  topics,
  queue,
  workQueue,
  ...durable,
  waiting,
  structured,
  ...requests,
  latency,
  rules,
  connections,
  flood,
  memory,
  start,
  ...peers,
];

// One publisher, a queue of four members, nothing acknowledged. The relay hands chunks to its receivers in turn.

import { flowScenario } from "./one-to-one.ts";
import type { Scenario } from "./scenario.ts";

const MEMBERS = 4;

export const queue: Scenario = flowScenario("queue", `queue of ${MEMBERS}, 128 B`, {
  bytes: 128,
  receivers: MEMBERS,
  options: { queue: "bench" },
});

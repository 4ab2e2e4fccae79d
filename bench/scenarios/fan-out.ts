// One publisher, eight subscribers that each get everything. The rate is that of deliveries.

import { flowScenario } from "./one-to-one.ts";
import type { Scenario } from "./scenario.ts";

const RECEIVERS = 8;

export const fanOut: Scenario = flowScenario("fan-out", `fan-out to ${RECEIVERS}, 128 B`, {
  bytes: 128,
  receivers: RECEIVERS,
});

// One publisher that takes a hundred topics in turn, one subscriber to all of them by a wildcard. The relay knows no topics.

import { flowScenario } from "./one-to-one.ts";
import type { Scenario } from "./scenario.ts";

const TOPICS = 100;

export const topics: Scenario = flowScenario("topics", `${TOPICS} topics interleaved, 128 B`, {
  bytes: 128,
  topics: Array.from({ length: TOPICS }, (_, i) => `bench.topic.${i}`),
  pattern: "bench.topic.*",
});

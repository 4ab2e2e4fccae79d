// What a stopped subscriber costs a healthy one: the same fan-out with it and without it. It asked for the newest messages only.

import { measureFlow } from "../flow.ts";
import type { Scenario } from "./scenario.ts";

const BYTES = 128;

export const stopped: Scenario = {
  name: "stopped",
  what: `a subscriber beside one that is stopped, drop-oldest, ${BYTES} B`,
  metrics: [{ key: "rate", unit: "msg/s", bar: { of: "ratio", at: "least", value: 0.9 } }],
  base: { name: "without it", measure: measureFlow("bus", { bytes: BYTES }) },
  bus: measureFlow("bus", { bytes: BYTES, stopped: { overflow: "drop-oldest" } }),
};

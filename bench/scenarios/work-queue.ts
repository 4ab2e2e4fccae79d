// A work queue in memory: one publisher, four workers, every message acknowledged. Compared with plain one to one over the same bus.

import { type Flow, measureFlow } from "../flow.ts";
import type { Measure, Scenario } from "./scenario.ts";

const WORKERS = 4;
const BYTES = 128;
/** Ten times what Redis streams reach where NATS reaches 841,000 one to one (110,000; JetStream 41,000). */
const TEN_TIMES_STREAMS = 1_100_000;

export const workQueue: Scenario = {
  name: "work-queue",
  what: `acknowledged queue of ${WORKERS}, ${BYTES} B, against one to one`,
  metrics: [
    { key: "rate", unit: "msg/s", bar: { of: "ratio", at: "least", value: 0.3 } },
    { key: "in all", unit: "msg/s", bar: { of: "bus", at: "least", value: TEN_TIMES_STREAMS } },
  ],
  base: { name: "one to one", measure: measure({ bytes: BYTES }) },
  bus: measure({ bytes: BYTES, receivers: WORKERS, options: { queue: "bench", ack: true } }),
};

function measure(flow: Flow): Measure {
  const once = measureFlow("bus", flow);
  return async (setting) => {
    const { rate } = await once(setting);
    return { rate: rate!, "in all": rate! };
  };
}

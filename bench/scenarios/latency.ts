// How long messages take at a rate that keeps nobody busy: 10,000 a second, evenly spaced, from when each was due.

import { rateOfCopies, TOPIC } from "../flow.ts";
import { percentile } from "../percentiles.ts";
import type { Messages, SideWith } from "../sides/side.ts";
import type { Measure, Scenario } from "./scenario.ts";

const PER_SECOND = 10_000;
const BYTES = 128;

export const latency: Scenario = {
  name: "latency",
  what: `latency at ${PER_SECOND / 1000},000 msg/s, ${BYTES} B`,
  metrics: ["p50", "p90", "p99", "p99.9", "max"].map((key) => ({ key, unit: "µs" })),
  base: { name: "relay", measure: measureLatency("relay") },
  bus: measureLatency("bus"),
};

function measureLatency(side: SideWith<Messages>): Measure {
  return async ({ stage, durationMs, warmUpMs }) => {
    const { address } = stage;
    await stage.middle(side);
    const receiver = await stage.worker("receivePaced", { side, address, pattern: TOPIC, bytes: BYTES });
    const paced = { side, address, topic: TOPIC, bytes: BYTES, perSecond: PER_SECOND, warmUpMs, durationMs };
    const publisher = await stage.worker("pace", paced);
    publisher.tell("go");
    const { sent, warmUp } = await publisher.result;
    receiver.tell("expect", sent);
    const { tally, latenciesUs } = await receiver.result;
    rateOfCopies([tally], sent, warmUp);
    const sorted = latenciesUs.slice(warmUp).sort();
    return {
      p50: percentile(sorted, 0.5),
      p90: percentile(sorted, 0.9),
      p99: percentile(sorted, 0.99),
      "p99.9": percentile(sorted, 0.999),
      max: percentile(sorted, 1),
    };
  };
}

// One publisher, one subscriber, one topic, payloads of bytes: as a handler that may keep what it gets has them, and as one of a
// transient subscription does, which like the relay's is shown where they are for as long as it runs.

import { type Flow, measureFlow } from "../flow.ts";
import type { Scenario } from "./scenario.ts";

const SIZES: readonly { name: string; bytes: number; least?: number }[] = [
  { name: "16B", bytes: 16 },
  { name: "128B", bytes: 128, least: 0.5 },
  { name: "1KiB", bytes: 1024 },
  { name: "16KiB", bytes: 16 * 1024, least: 0.8 },
  { name: "256KiB", bytes: 256 * 1024, least: 0.8 },
];

const TRANSIENT: Partial<Flow> = { options: { transient: true } };

export const oneToOne: readonly Scenario[] = SIZES.flatMap(({ name, bytes, least }) => {
  const asView = flowScenario(name, `one to one, ${name}`, { bytes }, least);
  if (least === undefined) return [asView];
  return [asView, flowScenario(`${name}-transient`, `one to one, ${name}, transient`, { bytes, ...TRANSIENT }, least)];
});

/** A scenario of which both sides are the same flow. `least` is the bar: the rate by the relay's. */
export function flowScenario(name: string, what: string, flow: Flow, least?: number): Scenario {
  return {
    name,
    what,
    metrics: [
      { key: "rate", unit: "msg/s", ...(least !== undefined && { bar: { of: "ratio", at: "least", value: least } }) },
    ],
    base: { name: "relay", measure: measureFlow("relay", flow) },
    bus: measureFlow("bus", flow),
  };
}

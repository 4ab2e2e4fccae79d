// Request and reply: one caller, one responder that sends back what it got. The relay makes the same hops.

import { freeAddress } from "../peers/peer.ts";
import type { Requests, SideWith } from "../sides/side.ts";
import type { Bar, Measure, Scenario } from "./scenario.ts";

const BYTES = 128;
const TOPIC = "bench.echo";

export const requests: readonly Scenario[] = [
  requestScenario("request-1", 1, { of: "ratio", at: "most", value: 1.5 }),
  requestScenario("request-64", 64),
];

export function requestScenario(
  name: string,
  inFlight: number,
  bar?: Bar,
  base: { readonly name: string; readonly side: SideWith<Requests> } = { name: "relay", side: "relay" },
): Scenario {
  return {
    name,
    what: `request and reply, ${inFlight} in flight, ${BYTES} B${base.side === "relay" ? "" : `, against ${base.name}`}`,
    metrics: [
      { key: "p50", unit: "µs", ...(bar && { bar }) },
      { key: "p99", unit: "µs" },
      { key: "rate", unit: "calls/s" },
    ],
    base: { name: base.name, measure: measureCalls(base.side, inFlight) },
    bus: measureCalls("bus", inFlight),
  };
}

function measureCalls(side: SideWith<Requests>, inFlight: number): Measure {
  return async ({ stage, durationMs, warmUpMs }) => {
    const address = side === "http" ? await freeAddress() : (await stage.middle(side)).address;
    await stage.worker("answer", { side, address, topic: TOPIC });
    const params = { side, address, topic: TOPIC, bytes: BYTES, inFlight, warmUpMs, durationMs };
    const caller = await stage.worker("call", params);
    caller.tell("go");
    const { perSecond, p50Us, p99Us, fault } = await caller.result;
    if (fault !== undefined) throw new Error(fault);
    return { rate: perSecond, p50: p50Us, p99: p99Us };
  };
}

// A pair that exchanges messages as fast as it can while another process of the same uid floods the broker with connections that send
// garbage, as fast as it can too, beside the same pair alone. `cpu` is the broker's processor time for a million messages of the pair, and for
// what it does with the flood meanwhile.

import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { cpuNs } from "../cpu.ts";
import { rateOfCopies, TOPIC } from "../flow.ts";
import type { Measure, Scenario } from "./scenario.ts";

const BYTES = 128;
const GARBAGE_BYTES = 1024;
/** The flood is under way when the pair begins. */
const LEAD_MS = 1500;
/** The flood is to have been one. */
const LEAST_PER_SECOND = 200;

export const flood: Scenario = {
  name: "flood",
  what: `one to one, ${BYTES} B, under a flood of connections that send garbage`,
  metrics: [
    { key: "rate", unit: "msg/s", bar: { of: "ratio", at: "least", value: 0.8 } },
    { key: "cpu", unit: "s a million" },
    { key: "connections", unit: "connections/s" },
  ],
  base: { name: "no flood", measure: measurePair(false) },
  bus: measurePair(true),
};

function measurePair(isFlooded: boolean): Measure {
  return async ({ stage, durationMs, warmUpMs }) => {
    const { address } = stage;
    const broker = await stage.middle("bus");
    const common = { side: "bus", address, bytes: BYTES } as const;
    const receiver = await stage.worker("receive", { ...common, pattern: TOPIC });
    const publisher = await stage.worker("publish", { ...common, topics: [TOPIC], warmUpMs, durationMs, tail: 1 });
    const flooder = isFlooded ? await stage.worker("flood", { address, bytes: GARBAGE_BYTES }) : undefined;
    const floodedFrom = performance.now();
    flooder?.tell("go");
    await sleep(LEAD_MS);
    publisher.tell("go");
    await Promise.race([sleep(warmUpMs), publisher.result]);
    const warmNs = cpuNs(broker.pid);
    const { sent, warmUp } = await publisher.result;
    const cpu = (cpuNs(broker.pid) - warmNs) / 1e9 / ((sent - warmUp) / 1e6);
    flooder?.tell("stop");
    const floodedMs = performance.now() - floodedFrom;
    receiver.tell("expect", sent);
    const rate = rateOfCopies([await receiver.result], sent, warmUp);
    if (flooder === undefined) return { rate, cpu };
    const connections = (1000 * (await flooder.result)) / floodedMs;
    if (connections < LEAST_PER_SECOND) throw new Error(`the flood was of ${connections} connections a second only`);
    return { rate, cpu, connections };
  };
}

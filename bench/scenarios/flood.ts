// A pair that exchanges messages as fast as it can while another process of the same uid floods the broker with connections that send
// garbage, beside the same pair alone.

import { setTimeout as sleep } from "node:timers/promises";

import { rateOfCopies, TOPIC } from "../flow.ts";
import type { Measure, Scenario } from "./scenario.ts";

const BYTES = 128;
const CONNECTIONS = 64;
const GARBAGE_BYTES = 1024;
/** The flood is under way when the pair begins. */
const LEAD_MS = 1500;
/** The flood is to have been one. */
const LEAST_CONNECTIONS = 500;

export const flood: Scenario = {
  name: "flood",
  what: `one to one, ${BYTES} B, under a flood of connections that send garbage`,
  metrics: [{ key: "rate", unit: "msg/s", bar: { of: "ratio", at: "least", value: 0.8 } }],
  base: { name: "no flood", measure: measurePair(false) },
  bus: measurePair(true),
};

function measurePair(isFlooded: boolean): Measure {
  return async ({ stage, durationMs, warmUpMs }) => {
    const { address } = stage;
    await stage.middle("bus");
    const common = { side: "bus", address, bytes: BYTES } as const;
    const receiver = await stage.worker("receive", { ...common, pattern: TOPIC });
    const publisher = await stage.worker("publish", { ...common, topics: [TOPIC], warmUpMs, durationMs, tail: 1 });
    const flooder = isFlooded
      ? await stage.worker("flood", { address, connections: CONNECTIONS, bytes: GARBAGE_BYTES })
      : undefined;
    flooder?.tell("go");
    await sleep(LEAD_MS);
    publisher.tell("go");
    const { sent, warmUp } = await publisher.result;
    flooder?.tell("stop");
    receiver.tell("expect", sent);
    const rate = rateOfCopies([await receiver.result], sent, warmUp);
    const connections = (await flooder?.result) ?? LEAST_CONNECTIONS;
    if (connections < LEAST_CONNECTIONS) throw new Error(`the flood was of ${connections} connections only`);
    return { rate };
  };
}

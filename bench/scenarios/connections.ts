// A thousand connections, each with a subscription: how long they take to open, and what then goes to all of them.

import { rateOfCopies, TOPIC } from "../flow.ts";
import type { Messages, SideWith } from "../sides/side.ts";
import type { Measure, Scenario } from "./scenario.ts";

const CONNECTIONS = 1000;
const BYTES = 128;
/** Queues hold many thousands of messages, so that a thousand of them would take a minute to be emptied after a time was up. */
const MESSAGES = 2000;
/** More than they take. */
const DURATION_MS = 30_000;

export const connections: Scenario = {
  name: "connections",
  what: `${CONNECTIONS} connections with a subscription each, and fan-out to all, ${BYTES} B`,
  metrics: [
    { key: "open", unit: "ms", bar: { of: "bus", at: "most", value: 5000 } },
    { key: "rate", unit: "msg/s" },
  ],
  base: { name: "relay", measure: measureConnections("relay") },
  bus: measureConnections("bus"),
};

function measureConnections(side: SideWith<Messages>): Measure {
  return async ({ stage }) => {
    const { address } = stage;
    await stage.middle(side);
    const many = { side, address, pattern: TOPIC, bytes: BYTES, connections: CONNECTIONS };
    const receiver = await stage.worker("receiveMany", many);
    const publisher = await stage.worker("publish", {
      side,
      address,
      topics: [TOPIC],
      bytes: BYTES,
      warmUpMs: 0,
      durationMs: DURATION_MS,
      most: MESSAGES,
      tail: 1,
    });
    publisher.tell("go");
    const { sent, warmUp } = await publisher.result;
    receiver.tell("expect", sent);
    const { openMs, tallies } = await receiver.result;
    return { open: openMs, rate: rateOfCopies(tallies, sent, warmUp) };
  };
}

// The time from starting the broker's process until a first message is delivered, by the time of a Node that does nothing.

import { brokerCommand } from "../processes.ts";
import type { Measure, Scenario } from "./scenario.ts";

export const start: Scenario = {
  name: "start",
  what: "first message after the broker's start, against a bare Node",
  metrics: [{ key: "time", unit: "ms", bar: { of: "ratio", at: "most", value: 3 } }],
  base: {
    name: "bare node",
    measure: measureStart(
      () => [process.execPath, "-e", "0"],
      () => undefined,
    ),
  },
  bus: measureStart(brokerCommand, (address) => address),
};

function measureStart(
  command: (address: string) => [string, ...string[]],
  listensAt: (address: string) => string | undefined,
): Measure {
  return async ({ stage }) => {
    const { address } = stage;
    const starter = await stage.worker("startBroker", { command: command(address), address: listensAt(address) });
    starter.tell("go");
    return { time: await starter.result };
  };
}

// What messages cost while they wait: a million of them in a kept queue, their memory in the broker, and how fast they are taken then,
// compared with queues of which a thousand wait.

import { needWaiting } from "../books.ts";
import { residentBytes } from "../processes.ts";
import type { Scenario } from "./scenario.ts";

const BYTES = 128;
const MANY = 1_000_000;
const FEW = 1000;
/** More messages than one drain of a few has: its time is too short to be taken alone. */
const ROUNDS = 500;
const MEMORY_LIMIT = ["--memory-limit", "1GiB"];
const queue = { topic: "bench.waiting", queue: "waiting", bytes: BYTES };

export const waiting: Scenario = {
  name: "waiting",
  what: `1 million waiting in a kept queue, ${BYTES} B, against a thousand`,
  metrics: [
    { key: "memory", unit: "B a message", bar: { of: "bus", at: "most", value: 250 } },
    { key: "drain", unit: "msg/s", bar: { of: "ratio", at: "least", value: 1 } },
  ],
  base: {
    name: "a thousand",
    measure: async ({ stage }) => {
      const { address } = stage;
      await stage.broker(MEMORY_LIMIT);
      const drainer = await stage.worker("drain", { ...queue, address, messages: FEW, rounds: ROUNDS });
      drainer.tell("go");
      return { drain: 1e9 / (await drainer.result) };
    },
  },
  bus: async ({ stage }) => {
    const { address } = stage;
    const broker = await stage.broker(MEMORY_LIMIT);
    const drainer = await stage.worker("drain", { ...queue, address, messages: MANY, rounds: 0 });
    const filler = await stage.worker("fill", { ...queue, address, messages: MANY });
    const before = residentBytes(broker.pid);
    filler.tell("go");
    await filler.result;
    await needWaiting({ ...queue, side: "bus", address }, MANY);
    const memory = (residentBytes(broker.pid) - before) / MANY;
    drainer.tell("go");
    return { memory, drain: 1e9 / (await drainer.result) };
  },
};

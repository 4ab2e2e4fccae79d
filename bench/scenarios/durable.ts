// A durable queue: one publisher, batches that are confirmed once they are on disk. Compared with the same batches written straight to
// lmdb, in the publisher's own process, to the same disk.

import { needWaiting } from "../books.ts";
import { TOPIC } from "../flow.ts";
import type { Scenario } from "./scenario.ts";

const BYTES = 128;
const QUEUE = "bench";

export const durable: readonly Scenario[] = [100, 1000].map((batch) => ({
  name: `durable-${batch}`,
  what: `durable queue, confirmed in batches of ${batch}, ${BYTES} B, against lmdb`,
  metrics: [{ key: "rate", unit: "msg/s", bar: { of: "ratio", at: "least", value: 0.5 } }],
  base: {
    name: "lmdb",
    measure: async ({ stage, durationMs, warmUpMs }) => {
      const folder = await stage.folder();
      const writer = await stage.worker("writeBatches", { folder, bytes: BYTES, batch, warmUpMs, durationMs });
      writer.tell("go");
      return { rate: (await writer.result).perSecond };
    },
  },
  bus: async ({ stage, durationMs, warmUpMs }) => {
    const { address } = stage;
    await stage.broker(["--data", await stage.folder(), "--memory-limit", "2GiB"]);
    const params = { address, topic: TOPIC, queue: QUEUE, bytes: BYTES, batch, warmUpMs, durationMs };
    const publisher = await stage.worker("publishConfirmed", params);
    publisher.tell("go");
    const { sent, perSecond } = await publisher.result;
    await needWaiting({ side: "bus", address, topic: TOPIC, queue: QUEUE }, sent);
    return { rate: perSecond };
  },
}));

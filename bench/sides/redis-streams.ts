// A work queue as a Redis stream: a topic is a stream, a queue is a consumer group. A worker reads as many entries as there are, up to a
// bound, and acknowledges all of them in one command that goes out with its next read.

import { openRedis, redisSender } from "./redis-client.ts";
import type { Queues } from "./side.ts";

/** `COUNT` of a read. From 100 on it makes no difference that could be measured: the workers are faster than the publisher. */
const COUNT = "1000";

/** As they come with RESP 2: one stream of `[name, [[id, [field, value]], …]]`. */
type Read = [[stream: Buffer, entries: [id: Buffer, fields: [name: Buffer, payload: Buffer]][]]];

export const redisStreams: Queues = {
  sender: (address) => redisSender(address, (topic, payload) => ["XADD", topic, "*", "d", payload]),

  async receive(address, stream, { queue: group = "" }, take) {
    const client = await openRedis(address);
    await client.sendCommand(["XGROUP", "CREATE", stream, group, "$", "MKSTREAM"]).catch((error: Error) => {
      if (!error.message.startsWith("BUSYGROUP")) throw error; // another worker made it
    });
    const consumer = String(process.pid);
    const read = ["XREADGROUP", "GROUP", group, consumer, "COUNT", COUNT, "BLOCK", "0", "STREAMS", stream, ">"];
    const work = async (): Promise<never> => {
      for (;;) {
        const [[, entries]] = await client.sendCommand<Read>(read);
        for (const [, [, payload]] of entries) take(payload, 0, payload.length);
        void client.sendCommand(["XACK", stream, group, ...entries.map(([id]) => id)]);
      }
    };
    void work();
  },

  async counts(address, stream, queue) {
    const client = await openRedis(address);
    try {
      const groups = await client.withTypeMapping({}).xInfoGroups(stream);
      const { lag, pending, "entries-read": read } = groups.find(({ name }) => name === queue)!;
      return { waiting: Number(lag), inFlight: Number(pending), settled: Number(read) - Number(pending) };
    } finally {
      client.destroy();
    }
  },
};

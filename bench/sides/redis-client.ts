// What both Redis sides share: a connection over the server's unix socket, payloads as bytes, and a sender that pipelines. Of the kept
// clients @redis/client is taken: its explicit pipelines cost a publisher less than half the processor time of ioredis's, and readers of
// streams cost the same in both.

import { createClient, type RedisClientType, RESP_TYPES } from "@redis/client";

import type { Sender } from "./side.ts";
import { Window } from "./window.ts";

/** Commands in a pipeline. Between 300 and 5000 no difference could be measured. */
const PIPELINE = 1000;

type RedisClient = RedisClientType<{}, {}, {}, 2, { [RESP_TYPES.BLOB_STRING]: BufferConstructor }>;

/** A command for one message. */
type CommandOf = (topic: string, payload: Buffer) => (string | Buffer)[];

/** @param path of the server's socket */
export async function openRedis(path: string): Promise<RedisClient> {
  const client = createClient({
    socket: { path, reconnectStrategy: false },
    RESP: 2,
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
  client.on("error", () => {}); // the server ended; its own failure is told
  await client.connect();
  return client;
}

export async function redisSender(path: string, commandOf: CommandOf): Promise<Sender> {
  const client = await openRedis(path);
  let pipeline = client.multi();
  const window = new Window(PIPELINE, () => {
    const full = pipeline;
    pipeline = client.multi();
    return full.execAsPipeline();
  });
  return {
    publish: (topic, payload) => window.put(payload, (copy) => pipeline.addCommand(commandOf(topic, copy))),
    flush: () => window.flush(),
  };
}

// A work queue as NATS JetStream has it: a stream in memory, a durable consumer that its workers share, each message acknowledged, and each
// publish confirmed, many at a time.

import { AckPolicy, jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream";

import { openNats } from "./nats-client.ts";
import type { Queues } from "./side.ts";
import { Window } from "./window.ts";

const STREAM = "bench";
/** Publishes whose confirmation is awaited together. */
const BATCH = 1000;
/** What each worker asks for ahead, and what all may have unacknowledged. */
const PREFETCH = 1000;
const UNACKNOWLEDGED = 20_000;

export const jetStream: Queues = {
  async sender(address) {
    const client = jetstream(await openNats(address));
    let confirmed: Promise<unknown>[] = [];
    const window = new Window(BATCH, () => {
      const batch = confirmed;
      confirmed = [];
      return Promise.all(batch);
    });
    return {
      publish: (topic, payload) => window.put(payload, (copy) => confirmed.push(client.publish(topic, copy))),
      flush: () => window.flush(),
    };
  },

  async receive(address, topic, { queue = "" }, take) {
    const connection = await openNats(address);
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: STREAM, subjects: [topic], storage: StorageType.Memory });
    await manager.consumers.add(STREAM, {
      durable_name: queue,
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: UNACKNOWLEDGED,
    });
    const consumer = await jetstream(connection).consumers.get(STREAM, queue);
    await consumer.consume({
      max_messages: PREFETCH,
      callback: (message) => {
        take(message.data, 0, message.data.length);
        message.ack();
      },
    });
    await connection.flush();
  },

  async counts(address, _topic, queue) {
    const connection = await openNats(address);
    try {
      const manager = await jetstreamManager(connection);
      const { num_pending, num_ack_pending, ack_floor, delivered } = await manager.consumers.info(STREAM, queue);
      return {
        waiting: num_pending,
        inFlight: num_ack_pending,
        settled: ack_floor.stream_seq,
        redelivered: delivered.consumer_seq - delivered.stream_seq,
      };
    } finally {
      await connection.close();
    }
  },
};

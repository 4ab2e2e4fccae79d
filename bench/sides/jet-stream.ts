// A work queue as NATS JetStream has it: a stream in memory, and a durable consumer that its workers share, each message acknowledged. It is
// published to as to any subject, which the stream listens to: JetStream's own publish, which is confirmed, cost forty times as much.

import { AckPolicy, jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream";

import { natsSender, openNats } from "./nats-client.ts";
import type { Queues } from "./side.ts";

const STREAM = "bench";
/** What each worker asks for ahead (1000 cost it twice the time), and what all may have unacknowledged. */
const PREFETCH = 200;
const UNACKNOWLEDGED = 20_000;

export const jetStream: Queues = {
  sender: natsSender,

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

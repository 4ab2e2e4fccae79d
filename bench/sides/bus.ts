// The bus's side: the public client, used as its documentation says.

import { connect } from "../../client/index.ts";
import type { SampleObject } from "../sample-object.ts";
import type { Objects, QueueCounts, Queues, Requests } from "./side.ts";

export const bus: Queues & Requests & Objects = {
  async sender(address) {
    const bus = await connect({ address });
    return {
      publish: (topic, payload) => bus.publish(topic, payload),
      flush: () => bus.flush(),
    };
  },

  async objectSender(address) {
    const bus = await connect({ address });
    return {
      publishObject: (topic, object) => bus.publish(topic, object),
      flush: () => bus.flush(),
    };
  },

  async receive(address, pattern, options, take) {
    const bus = await connect({ address });
    const subscription = bus.subscribe(pattern, options, (message) => {
      const { bytes } = message;
      take(bytes, 0, bytes.length);
    });
    await subscription.ready;
  },

  async receiveObjects(address, pattern, take) {
    const bus = await connect({ address });
    await bus.subscribe(pattern, (message) => take(message.data as SampleObject)).ready;
  },

  async counts(address, _topic, queue) {
    await using bus = await connect({ address });
    return (await bus.request("$sys.queue.show", { queue })) as QueueCounts;
  },

  async caller(address) {
    const bus = await connect({ address });
    return { call: (topic, payload) => bus.request(topic, payload) as Promise<Buffer> };
  },

  async answer(address, topic) {
    const bus = await connect({ address });
    await bus.respond(topic, (request) => request.bytes).ready;
  },
};

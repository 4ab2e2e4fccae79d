// The bus's side: the public client, used as its documentation says.

import { connect, type Handler } from "../../client/index.ts";
import type { SampleObject } from "../sample-object.ts";
import type { Objects, QueueCounts, Queues, Requests, TakeBytes } from "./side.ts";

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
    const handler: Handler = options.transient === true ? inPlace(take) : asView(take);
    await bus.subscribe(pattern, options, handler).ready;
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

/** A handler that is given its message for good, and looks at it as most do. */
function asView(take: TakeBytes): Handler {
  return (message) => {
    const { bytes } = message;
    take(bytes, 0, bytes.length);
  };
}

/** A handler that is shown where the message is, as the relay's is. */
function inPlace(take: TakeBytes): Handler {
  return ({ chunk, start, end }) => take(chunk, start, end);
}

// Core NATS. A publisher that does not wait for anything is cut off sooner or later, or its subscriber is, so it asks with each batch
// whether the server has the one before.

import { openNats } from "./nats-client.ts";
import type { Messages, Requests } from "./side.ts";
import { Window } from "./window.ts";

/** Messages from one `flush` to the next. */
const BATCH = 2000;
const TIMEOUT_MS = 10_000;

export const nats: Messages & Requests = {
  async sender(address) {
    const connection = await openNats(address);
    const window = new Window(BATCH, () => connection.flush());
    return {
      publish: (topic, payload) => window.put(payload, (copy) => connection.publish(topic, copy)),
      flush: () => window.flush(),
    };
  },

  async receive(address, pattern, _options, take) {
    const connection = await openNats(address);
    connection.subscribe(pattern, { callback: (_error, { data }) => take(data, 0, data.length) });
    await connection.flush();
  },

  async caller(address) {
    const connection = await openNats(address);
    return {
      call: async (topic, payload) => (await connection.request(topic, payload, { timeout: TIMEOUT_MS })).data,
    };
  },

  async answer(address, topic) {
    const connection = await openNats(address);
    connection.subscribe(topic, { callback: (_error, request) => void request.respond(request.data) });
    await connection.flush();
  },
};

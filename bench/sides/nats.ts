// Core NATS: publish and subscribe, request and reply.

import { natsSender, openNats } from "./nats-client.ts";
import type { Messages, Requests } from "./side.ts";

const TIMEOUT_MS = 10_000;

export const nats: Messages & Requests = {
  sender: natsSender,

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

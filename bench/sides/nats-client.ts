// What both NATS sides share: a connection, and a sender. A publisher that waits for nothing is cut off sooner or later, or its subscriber
// is, so it asks with each batch whether the server has the one before.

import { connect, type NatsConnection } from "@nats-io/transport-node";

import type { Sender } from "./side.ts";
import { Window } from "./window.ts";

/** Messages from one `flush` to the next. Between 500 and 10,000 no difference could be measured. */
const BATCH = 2000;

/** @param address host and port */
export async function openNats(address: string): Promise<NatsConnection> {
  return connect({ servers: address, reconnect: false });
}

export async function natsSender(address: string): Promise<Sender> {
  const connection = await openNats(address);
  const window = new Window(BATCH, () => connection.flush());
  return {
    publish: (topic, payload) => window.put(payload, (copy) => connection.publish(topic, copy)),
    flush: () => window.flush(),
  };
}

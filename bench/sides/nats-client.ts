// A connection to a NATS server, for both sides that have one.

import { connect, type NatsConnection } from "@nats-io/transport-node";

/** @param address host and port */
export async function openNats(address: string): Promise<NatsConnection> {
  return connect({ servers: address, reconnect: false });
}

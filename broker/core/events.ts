// What the broker tells of itself, as messages on `$sys.events.…`. They never wait: into a full queue they are dropped and counted
// in its GAP. Made only where somebody listens.

import { FrameWriter } from "../../shared/codec/write.ts";
import { writeValue } from "../../shared/codec/value.ts";
import { Op } from "../../shared/protocol.ts";
import type { Core } from "./core.ts";
import { holderOf } from "./flow.ts";
import type { Outbox } from "./outbox.ts";
import type { Peer } from "./peer.ts";

const writer: FrameWriter = new FrameWriter(512);

export class Events {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  connected(peer: Peer): void {
    this.#publish("client.connected", () => about(peer));
  }

  disconnected(peer: Peer, reason: string): void {
    this.#publish("client.disconnected", () => ({ ...about(peer), reason }));
  }

  evicted(peer: Peer, code: string): void {
    this.#publish("client.evicted", () => ({ ...about(peer), code }));
  }

  /** A connection that never opened; no code where the peer just went. */
  refused(peer: Peer, code: string | undefined): void {
    const { uid, pid } = peer.credentials;
    this.#publish("client.refused", () => ({ uid, pid, ...(code === undefined ? {} : { code }) }));
  }

  full(outbox: Outbox): void {
    this.#publish("queue.full", () => this.#aboutOutbox(outbox));
  }

  drained(outbox: Outbox): void {
    this.#publish("queue.drained", () => this.#aboutOutbox(outbox));
  }

  dead(queue: string, topic: string, attempts: number, reason: string): void {
    this.#publish("queue.dead", () => ({ queue, topic, attempts, reason }));
  }

  queueEnded(queue: string, dropped: number): void {
    this.#publish("queue.ended", () => ({ queue, dropped }));
  }

  closing(waiting: number): void {
    this.#publish("broker.closing", () => ({ waiting }));
  }

  #aboutOutbox(outbox: Outbox): Record<string, unknown> {
    const { why, pattern } = holderOf(outbox);
    const [kind, name] = why.split(" ") as [string, string];
    return kind === "queue" ? { queue: name, pattern } : { client: Number(name), pattern };
  }

  #publish(name: string, fields: () => Record<string, unknown>): void {
    const topic = `$sys.events.${name}`;
    const { outboxes } = this.#core.match(topic);
    if (outboxes.length === 0) return;
    writer.reset().frame(3, Op.PUB).str(topic);
    writeValue(writer, fields());
    this.#core.inject(topic, writer, true);
  }
}

function about(peer: Peer): Record<string, unknown> {
  const { number: client, name = null, identity = null, credentials } = peer;
  return { client, name, identity, uid: credentials.uid, pid: credentials.pid };
}

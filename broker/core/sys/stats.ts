// `$sys.ping` and `$sys.stats`: the broker as a whole.

import type { Core } from "../core.ts";
import type { Limit } from "../limits.ts";

interface Ping {
  broker: string;
  version: string;
  uptimeMs: number;
}

export function ping(core: Core): Ping {
  const { brokerId, version } = core.options;
  return { broker: brokerId, version, uptimeMs: Math.round(core.nowMs() - core.startedMs) };
}

/** What `$sys.stats` answers and `broker.stats()` returns. */
export interface Stats extends Ping {
  address: string;
  pid: number;
  /** Connections that are open. */
  clients: number;
  subscriptions: number;
  queues: number;
  /** Topics that have a retained value. */
  retained: number;
  /** Bytes that the broker holds: chunks that are read into, wait, are written or are retained, each once. */
  heldBytes: number;
  /** What it may hold. */
  memoryLimitBytes: number;
  bytesIn: number;
  bytesOut: number;
  /** Messages that publishers sent and the broker took. */
  published: number;
  /** Frames that were answered with an error. */
  refused: number;
  /** Connections that were refused before they were open. */
  refusedClients: number;
  /** Frames that were refused because no rule permits them. */
  denied: number;
  /** How often the rules were asked about a topic: once a topic and kind of client, not once a message. */
  rulesAsked: number;
  /** How often each limit, by the name of its option, was the reason for an error. */
  limited: Record<Limit, number>;
  /** Clients that have a topic in XOFF. */
  blockedPublishers: number;
  /** Requests under way. */
  pendingRequests: number;
  /** How often a topic's receivers were matched: once a topic and change of subscriptions, not once a message. */
  routesResolved: number;
  accepted: number;
  settled: number;
  inFlight: number;
  waiting: number;
  dropped: number;
  expired: number;
  dead: number;
  redelivered: number;
}

export function stats(core: Core): Stats {
  const traffic = core.traffic();
  return {
    ...ping(core),
    address: core.address,
    pid: core.options.pid,
    clients: core.openClients,
    subscriptions: core.subscriptions,
    queues: core.queues.size,
    retained: core.retained.size,
    heldBytes: core.chunks.heldBytes,
    memoryLimitBytes: core.pressure.limitBytes,
    ...traffic,
    refused: core.refused,
    refusedClients: core.refusedClients,
    denied: core.access.denied,
    rulesAsked: core.access.asked,
    limited: { ...core.limited },
    blockedPublishers: core.flow.blockedPublishers,
    pendingRequests: core.requests.pending,
    routesResolved: core.routes.resolved,
    ...core.counters(),
  };
}

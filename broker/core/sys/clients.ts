// `$sys.clients`: who is connected, and what each has, sent, holds and waits for.

import { bytesOfAll, type PooledChunk } from "../chunks.ts";
import { Counters } from "../counters.ts";
import type { Core } from "../core.ts";
import { holderOf } from "../flow.ts";
import type { Peer } from "../peer.ts";

export function clients(core: Core): { clients: unknown[] } {
  return { clients: [...core.peers].filter((peer) => peer.opened).map((peer) => describe(core, peer)) };
}

/** What became of the messages of its subscriptions and memberships, those that are over among them. */
export function countersOf(peer: Peer): Counters {
  const counters = new Counters().add(peer.past).add(peer.pastShared);
  for (const live of peer.ids.values()) {
    if (live.kind === "subscription") counters.add(live.outbox.counts());
    else if (live.kind === "member") counters.add(live.counters);
  }
  return counters;
}

function describe(core: Core, peer: Peer): Record<string, unknown> {
  const now = core.nowMs();
  return {
    client: peer.number,
    name: peer.name ?? null,
    identity: peer.identity ?? null,
    ...peer.credentials,
    container: peer.container ?? null,
    connectedMs: Math.round(now - peer.connectedMs),
    silentMs: Math.round(now - peer.lastHeardMs),
    subscriptions: peer.subscriptions,
    published: peer.published,
    bytesIn: peer.bytesIn,
    bytesOut: peer.link.bytesOut,
    heldBytes: peer.link.heldBytes + bytesOfAll(waitingFor(peer)),
    paused: peer.paused,
    blockedOn: [...peer.off].flatMap(([topic, outboxes]) =>
      [...outboxes].map((outbox) => ({ topic, why: holderOf(outbox).why })),
    ),
    ...countersOf(peer),
  };
}

/** The chunks of what its subscriptions and memberships hold. */
function* waitingFor(peer: Peer): Iterable<PooledChunk> {
  for (const live of peer.ids.values()) {
    if (live.kind === "subscription") yield* live.outbox.chunks();
    else if (live.kind === "member") yield* live.chunks();
  }
}

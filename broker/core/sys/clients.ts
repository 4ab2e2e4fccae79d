// `$sys.clients`: who is connected, and what each has, sent, holds and waits for.

import { bytesOfAll, type PooledChunk } from "../chunks.ts";
import { Counters } from "../counters.ts";
import type { Core } from "../core.ts";
import { holderOf } from "../flow.ts";
import type { Peer } from "../peer.ts";

/** Topics in XOFF that are told of one client. */
const MOST_BLOCKED = 1024;

export function clients(core: Core): { clients: unknown[] } {
  return { clients: [...core.peers].filter((peer) => peer.opened).map((peer) => describe(core, peer)) };
}

/** What became of the messages of its subscriptions and memberships, those that are over among them. */
export function countersOf(peer: Peer): Counters {
  const counters = new Counters().add(peer.past).add(peer.pastShared);
  for (const live of peer.ids.values()) {
    if (live.kind === "subscription") live.outbox.addTo(counters);
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
    blockedOn: blockedOn(peer),
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

/** Which topics it waits for, and by whom; no more of them than can be read. */
function blockedOn({ off }: Peer): { topic: string; why: string }[] {
  const all: { topic: string; why: string }[] = [];
  for (const [topic, outboxes] of off) {
    for (const outbox of outboxes) {
      if (all.length === MOST_BLOCKED) return all;
      all.push({ topic, why: holderOf(outbox).why });
    }
  }
  return all;
}

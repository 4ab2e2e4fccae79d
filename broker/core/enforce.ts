// Brings what a client has already subscribed to in line with rules that have changed: what is no longer permitted ends, and is told.

import type { Core } from "./core.ts";
import { Member } from "./member.ts";
import type { Peer } from "./peer.ts";
import type { Responder } from "./responder.ts";
import type { Role } from "./role.ts";
import type { Verb } from "./rules.ts";
import type { Subscription } from "./subscription.ts";

/** Gives `peer` the role that the rules now have for it. What it asked and was asked goes on to its end. */
export function enforce(core: Core, peer: Peer): void {
  peer.role = core.access.roleOf(peer.subject);
  let ended = 0;
  for (const [sid, live] of peer.ids) {
    if (live.kind !== "subscription" && live.kind !== "member" && live.kind !== "responder") continue;
    const denied = firstDenied(peer.role, live);
    if (denied === undefined) continue;
    peer.ids.delete(sid);
    peer.link.forget(sid);
    core.remove(live);
    peer.error(sid, "not_allowed", core.access.denial(peer.subject, ...denied));
    ended++;
  }
  if (ended > 0) core.subscriptionsChanged(-ended);
  peer.checkDone();
}

function firstDenied(role: Role, live: Subscription | Member | Responder): [Verb, string] | undefined {
  if (live.kind === "responder") return role.may("respond", live.pattern) ? undefined : ["respond", live.pattern];
  const pattern = live.kind === "member" ? live.queue.pattern : live.pattern;
  if (!role.may("subscribe", pattern)) return ["subscribe", pattern];
  if (live.kind !== "member" || role.may("queue", live.queue.name)) return undefined;
  return ["queue", live.queue.name];
}

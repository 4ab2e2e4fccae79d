// How an ending broker lets go of its disk, for the next one, while it still delivers what is in memory. What waits in durable queues
// is handed out no more from BYE on (queue.ts); what members hold they may settle until then.

import type { Core } from "./core.ts";
import { HANDED_OVER } from "./durability.ts";
import type { Peer } from "./peer.ts";
import type { Queue } from "./queue.ts";

/** Whether somebody may have something to say yet that has to be on disk: a client that was told BYE and is not done. */
export function needsDisk(core: Core): boolean {
  if (!core.durability.isClean || inFlightOnDisk(core) > 0) return true;
  for (const peer of core.peers) if (!peer.leaving) return true;
  return false;
}

/** Messages of durable queues that members hold. */
export function inFlightOnDisk(core: Core): number {
  let inFlight = 0;
  for (const queue of durableQueues(core)) inFlight += queue.counts().inFlight;
  return inFlight;
}

/**
 * Calls back once nothing is written to the disk any more. What members of durable queues hold is delivered again by the next broker;
 * they are told so, and what they settle from now on is not confirmed.
 */
export function handOver(core: Core, done: () => void): void {
  // Before members are dismissed, though theirs is not all: one that left before may have been handed what is being written yet.
  for (const peer of core.peers) peer.link.tellTakenEarly();
  const told = new Set<Peer>();
  for (const queue of durableQueues(core)) {
    for (const { peer } of queue.members) told.add(peer);
    core.dismiss(queue, "closing", HANDED_OVER);
  }
  core.durability.close(() => {
    core.durability.dependsOnAll();
    for (const peer of told) peer.dependsOnDisk();
    done();
  });
}

function* durableQueues(core: Core): Iterable<Queue> {
  for (const queue of core.queues.values()) if (queue.options.durable) yield queue;
}

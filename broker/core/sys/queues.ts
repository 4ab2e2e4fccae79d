// `$sys.queues`: every named queue, its members, and what became of its messages.

import type { Core } from "../core.ts";
import type { Queue } from "../queue.ts";

export function queues(core: Core): { queues: unknown[] } {
  return { queues: [...core.queues.values()].map((queue) => describe(core, queue)) };
}

/** One queue, as `$sys.queues` and `$sys.queue.show` tell it. */
export function describe(core: Core, queue: Queue): Record<string, unknown> {
  const counts = queue.counts();
  const since = queue.oldestSinceMs;
  return {
    queue: queue.name,
    pattern: queue.pattern,
    options: queue.options,
    members: queue.members.map((member) => member.peer.number),
    oldestMs: since === undefined ? 0 : Math.max(0, Math.round(core.nowMs() - since)),
    heldBytes: queue.heldBytes,
    ...counts,
  };
}

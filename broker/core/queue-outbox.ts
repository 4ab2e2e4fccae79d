// The outbox of a queue: which kind its policy needs, and how what waits moves when the policy becomes another. `latest` keeps one message
// a topic, and not by ranges; so it has a class of its own, and a queue that comes to it, or leaves it, gets a new outbox.

import type { ChunkPool } from "./chunks.ts";
import { newOutbox } from "./latest.ts";
import type { Outbox, OutboxLimits, OutboxOwner } from "./outbox.ts";
import { Run } from "./run.ts";
import { topicOf } from "./topic-of.ts";

/** An outbox of the kind that the policy in `limits` needs, and that heeds headers. */
export function queueOutbox(owner: OutboxOwner, pool: ChunkPool, limits: OutboxLimits): Outbox {
  const outbox = newOutbox(owner, pool, limits);
  outbox.heedsHeaders = true;
  return outbox;
}

/** Takes all that waits in `outbox`, in order, and how many were lost in between. */
export function takeAll(outbox: Outbox, pool: ChunkPool): { runs: Run[]; lost: number } {
  const runs: Run[] = [];
  let lost = 0;
  outbox.takeBytes(Number.POSITIVE_INFINITY, {
    range: (chunk, start, end, count, order) => runs.push(Run.of(pool, chunk, start, end, count, order)),
    gap: (more) => (lost += more),
  });
  return { runs, lost };
}

/** Of `runs`, in order, the newest message of each topic, and those that it replaces: all of them single messages. */
export function newestOfEach(runs: readonly Run[]): { newest: Run[]; replaced: Run[] } {
  const newest = new Map<string, Run>();
  const replaced: Run[] = [];
  for (const run of runs) {
    while (run.count > 0) {
      const one = run.count > 1 ? run.cut(1) : run;
      const topic = topicOf(one.chunk.buf, one.start, one.end);
      const older = newest.get(topic);
      if (older !== undefined) replaced.push(older);
      newest.delete(topic); // a Map keeps the place of a key that is set anew
      newest.set(topic, one);
      if (one === run) break;
    }
  }
  return { newest: [...newest.values()], replaced };
}

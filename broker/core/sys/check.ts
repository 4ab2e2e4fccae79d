// `$sys.check`: whether the books balance. What waits and what members hold is counted anew, by walking it, and held against the
// counters; so a check can fail.

import type { Counts } from "../counters.ts";
import type { Core } from "../core.ts";

/** What is wrong, one line each; nothing where all is well. */
export function check(core: Core): { ok: boolean; problems: string[]; queues: number; subscriptions: number } {
  const problems: string[] = [];
  let subscriptions = 0;
  for (const queue of core.queues.values()) {
    const counts = queue.counts();
    const { waiting, inFlight } = queue.recount();
    balance(`queue ${queue.name}`, counts, problems);
    compare(`queue ${queue.name}: waiting`, counts.waiting, waiting, problems);
    // Members that do not acknowledge hold what their connections are writing, which no list has.
    if (queue.options.ack) compare(`queue ${queue.name}: in flight`, counts.inFlight, inFlight, problems);
  }
  for (const peer of core.peers) {
    for (const live of peer.ids.values()) {
      if (live.kind === "member") balance(`client ${peer.number}, subscription ${live.sid}`, live.counters, problems);
      if (live.kind !== "subscription") continue;
      subscriptions++;
      const what = `client ${peer.number}, subscription ${live.sid}`;
      const { messages, bytes } = live.outbox.recount();
      balance(what, live.outbox.counts(), problems);
      compare(`${what}: waiting`, live.outbox.messages, messages, problems);
      compare(`${what}: bytes waiting`, live.outbox.bytes, bytes, problems);
    }
  }
  balance("the broker", core.counters(), problems);
  return { ok: problems.length === 0, problems, queues: core.queues.size, subscriptions };
}

function balance(what: string, counts: Counts, problems: string[]): void {
  const { accepted, settled, inFlight, waiting, dropped, expired, dead } = counts;
  const sum = settled + inFlight + waiting + dropped + expired + dead;
  compare(`${what}: accepted against the sum of what became of it`, accepted, sum, problems);
}

function compare(what: string, counted: number, recounted: number, problems: string[]): void {
  if (counted !== recounted) problems.push(`${what}: the counter says ${counted}, and counting anew ${recounted}`);
}

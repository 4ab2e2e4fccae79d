// What can go wrong in a run, by name, and how often it did. Only what really happened is counted: a stall that was planned and hit a
// connection with nothing to read is none.

export const FAULTS = [
  // the network
  "split", "delay", "stall", "half-close", "reset", "full-to-broker", "full-to-client", "byte-by-byte", "refused-connect",
  // the disk
  "no-space", "commit-error", "flush-error", "slow-flush", "lost-commit", "kept-unconfirmed-commit", "damaged-value",
  "truncated-value", "swapped-values", "missing-version",
  // the clock
  "late-alarm", "coarse-clock", "time-leap", "wall-forward", "wall-back",
  // the broker
  "crash", "hand-over", "orderly-restart", "frozen-broker", "low-memory",
  // clients
  "vanish", "nack", "reject", "late-ack", "never-ack", "hold", "ignored-xoff", "unanswered", "cancel", "bad-frame", "garbage",
  "half-frame", "no-hello", "bad-hello", "refused-option", "refused-publish", "duplicate", "handler-error", "request-flood",
  "topic-flood", "purge", "remove", "update",
] as const; // prettier-ignore

export type Fault = (typeof FAULTS)[number];

/** Part of what a socket does at any time: counted, and not added to the others. */
export const ORDINARY: ReadonlySet<Fault> = new Set<Fault>(["split", "delay"]);

export class FaultCounts {
  readonly counts: Map<Fault, number> = new Map();

  hit(fault: Fault): void {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
  }
}

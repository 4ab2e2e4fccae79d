// Runs seeds one after the other in a process of its own, and tells what came of each batch. Built into one file, together with the code
// under test: the broker's, the client's, or a mutant of it.

import type { Without } from "./plan.ts";
import { type Outcome, runSeed } from "./run.ts";

/** Seeds from `from` on, `count` of them. */
export interface Order {
  readonly from: number;
  readonly count: number;
}

export interface Failure {
  readonly seed: number;
  readonly violation: string;
}

export interface Tally {
  readonly seeds: number;
  readonly events: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
  /** What the process has used of a core since it began. */
  readonly cpuMs: number;
  /** Of all hashes, whatever the order. */
  readonly hash: string;
}

/** One run, asked for by itself. */
export interface Single {
  readonly seed: number;
  readonly without: Without;
  readonly isTraced: boolean;
}

export type Ask = { readonly order: Order } | { readonly single: Single };
export type Tell = { readonly begun: number } | { readonly tally: Tally } | { readonly outcome: Outcome };

function tell(what: Tell): void {
  process.send?.(what);
}

function run({ from, count }: Order): Tally {
  const faults: Record<string, number> = {};
  const failures: Failure[] = [];
  let events = 0;
  let hash = 0n;
  for (let seed = from; seed < from + count; seed++) {
    tell({ begun: seed });
    const outcome = runSeed(seed);
    events += outcome.events;
    hash = BigInt.asUintN(64, hash + BigInt(`0x${outcome.hash}`) * BigInt(2 * seed + 1));
    for (const [fault, hits] of outcome.faults) faults[fault] = (faults[fault] ?? 0) + hits;
    if (outcome.violation !== undefined) failures.push({ seed, violation: outcome.violation });
  }
  const { user, system } = process.cpuUsage();
  const cpuMs = (user + system) / 1000;
  return { seeds: count, events, faults, failures, cpuMs, hash: hash.toString(16).padStart(16, "0") };
}

process.on("message", (ask: Ask) => {
  if ("order" in ask) return tell({ tally: run(ask.order) });
  const { seed, without, isTraced } = ask.single;
  tell({ outcome: runSeed(seed, without, isTraced) });
});

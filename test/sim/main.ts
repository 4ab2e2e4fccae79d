// `npm run test:sim`: seeds on all cores, one seed again, or every mutant. Ends with 1 where anything was forbidden and happened.

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

import { KEPT } from "./kept.ts";
import { FAULTS, ORDINARY } from "./faults.ts";
import { runMutants } from "./mutants/run.ts";
import { planOf, type Without } from "./plan.ts";
import { WorkerProcess } from "./process.ts";
import type { Outcome } from "./run.ts";
import { replayLine, shrink } from "./shrink.ts";
import type { Failure, Tally } from "./worker.ts";

const USAGE = `npm run test:sim -- [options]
  --seeds N      how many seeds (10000); --from N: the first of them (1)
  --minutes M    as many seeds as that takes, and no more than --seeds where that is given
  --seed N       one seed, and its trace's end; with what shrinking left: --clients 0,2 --steps 9 --chaos 1 --without net,disk,clock
  --lines N      how much of that trace (40)
  --kept         the seeds that have found something, again
  --mutants [X]  each planted bug, or those whose name contains X
  --workers N    processes (one a core)`;

const BATCH = 50;
/** Failing seeds that are told of, and made small. */
const MOST_FAILURES = 12;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seeds: { type: "string" },
      from: { type: "string" },
      minutes: { type: "string" },
      seed: { type: "string" },
      clients: { type: "string" },
      steps: { type: "string" },
      chaos: { type: "string" },
      without: { type: "string" },
      lines: { type: "string" },
      mutants: { type: "boolean" },
      kept: { type: "boolean" },
      workers: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  const bundle = process.env["PODBUS_SIM_WORKER"]!;
  const workers = number(values.workers) ?? availableParallelism();
  if (values.mutants === true) return runMutants(positionals[0] ?? "", workers);
  if (values.kept === true) return replayKept(bundle);
  const seed = number(values.seed);
  if (seed !== undefined) {
    const out = (values.without ?? "").split(",");
    const without: Without = {
      clients: values.clients?.split(",").map(Number),
      steps: number(values.steps),
      chaos: number(values.chaos),
      net: out.includes("net"),
      disk: out.includes("disk"),
      clock: out.includes("clock"),
    };
    return replay(bundle, seed, without, number(values.lines) ?? 40);
  }
  const minutes = number(values.minutes);
  const seeds = number(values.seeds) ?? (minutes === undefined ? 10_000 : Number.POSITIVE_INFINITY);
  return runAll(bundle, number(values.from) ?? 1, seeds, minutes ?? Number.POSITIVE_INFINITY, workers);
}

function number(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${text} is no number of 0 or more\n${USAGE}`);
  return value;
}

async function replay(bundle: string, seed: number, without: Without, lines: number): Promise<number> {
  const worker = new WorkerProcess(bundle);
  const told = await worker.ask({ single: { seed, without, isTraced: true } });
  worker.kill();
  if (told instanceof Error || !("outcome" in told)) {
    console.log(told instanceof Error ? told.message : "the worker answered something else");
    return 1;
  }
  const { outcome } = told;
  if (lines > 0) console.log(outcome.lines.slice(-lines).join("\n"));
  console.log(
    `seed ${seed}: ${outcome.events} events, trace ${outcome.hash}: ${outcome.violation ?? "nothing forbidden happened"}`,
  );
  return outcome.violation === undefined ? 0 : 1;
}

async function replayKept(bundle: string): Promise<number> {
  let failed = 0;
  for (const { seed, without, found } of KEPT) {
    console.log(`once: ${found}`);
    failed += await replay(bundle, seed, without, 0);
  }
  return failed === 0 ? 0 : 1;
}

async function runAll(bundle: string, from: number, seeds: number, minutes: number, workers: number): Promise<number> {
  const beganMs = performance.now();
  const total = { seeds: 0, events: 0, hash: 0n, faults: new Map<string, number>() };
  const failures: Failure[] = [];
  let next = from;
  let toldMs = beganMs;
  const take = (): number | undefined => {
    if (next >= from + seeds || performance.now() - beganMs >= minutes * 60_000) return undefined;
    if (failures.length >= MOST_FAILURES) return undefined;
    const first = next;
    next = Math.min(next + BATCH, from + seeds);
    return first;
  };
  const add = (tally: Tally): void => {
    total.seeds += tally.seeds;
    total.events += tally.events;
    total.hash = BigInt.asUintN(64, total.hash + BigInt(`0x${tally.hash}`));
    for (const [fault, hits] of Object.entries(tally.faults)) {
      total.faults.set(fault, (total.faults.get(fault) ?? 0) + hits);
    }
    failures.push(...tally.failures);
    // What is told now is known also where the run is ended from outside.
    for (const { seed, violation } of tally.failures) console.log(`  seed ${seed} fails: ${violation}`);
    if (performance.now() - toldMs < 15_000) return;
    toldMs = performance.now();
    console.log(`  ${total.seeds} seeds, ${total.events} events, ${rate(total.events, beganMs)} a second`);
  };
  const work = async (): Promise<void> => {
    let worker = new WorkerProcess(bundle);
    for (let first = take(); first !== undefined; first = take()) {
      const count = Math.min(BATCH, from + seeds - first);
      const told = await worker.ask({ order: { from: first, count } });
      if (told instanceof Error) {
        failures.push({ seed: worker.seed, violation: told.message });
        worker.kill();
        worker = new WorkerProcess(bundle);
      } else if ("tally" in told) add(told.tally);
    }
    worker.kill();
  };
  await Promise.all(Array.from({ length: workers }, work));
  report(total, beganMs);
  for (const failure of failures.slice(0, MOST_FAILURES)) await explain(bundle, failure);
  if (failures.length > MOST_FAILURES) console.log(`and ${failures.length - MOST_FAILURES} more`);
  console.log(failures.length === 0 ? "nothing forbidden happened" : `${failures.length} seeds failed`);
  return failures.length === 0 ? 0 : 1;
}

function rate(events: number, sinceMs: number): number {
  return Math.round((events / Math.max(1, performance.now() - sinceMs)) * 1000);
}

function report(
  total: { seeds: number; events: number; hash: bigint; faults: ReadonlyMap<string, number> },
  beganMs: number,
): void {
  const seconds = Math.round((performance.now() - beganMs) / 1000);
  const kinds = FAULTS.filter((fault) => !ORDINARY.has(fault) && (total.faults.get(fault) ?? 0) > 0);
  const faults = kinds.reduce((sum, fault) => sum + total.faults.get(fault)!, 0);
  console.log(`${total.seeds} seeds, ${total.events} events in ${seconds} s, ${rate(total.events, beganMs)} a second`);
  console.log(`${faults} faults of ${kinds.length} kinds:`);
  console.log(`  ${kinds.map((fault) => `${fault} ${total.faults.get(fault)}`).join(", ")}`);
  const ordinary = [...ORDINARY].map((fault) => `${fault} ${total.faults.get(fault) ?? 0}`).join(", ");
  console.log(`and, not counted among them: ${ordinary}`);
  console.log(`trace of all: ${total.hash.toString(16).padStart(16, "0")}`);
}

/** Makes a failing seed small, and says how to run it again. */
async function explain(bundle: string, { seed, violation }: Failure): Promise<void> {
  console.log(`\nseed ${seed} failed: ${violation}`);
  let worker = new WorkerProcess(bundle);
  const run = async (without: Without): Promise<Outcome | undefined> => {
    const told = await worker.ask({ single: { seed, without, isTraced: false } });
    if (!(told instanceof Error)) return "outcome" in told ? told.outcome : undefined;
    worker.kill();
    worker = new WorkerProcess(bundle);
    return undefined;
  };
  const first = await run({});
  if (first?.violation === undefined) {
    console.log(`  ${replayLine(seed, {})}`);
  } else {
    const clients = planOf(seed).clients.map(({ index }) => index);
    const [without, small] = await shrink(first, clients, run);
    console.log(`  shrunk from ${first.events} events to ${small.events}: ${small.violation}`);
    console.log(`  ${replayLine(seed, without)}`);
  }
  worker.kill();
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    console.log(`ended by ${signal}, before all was run`);
    process.exit(1);
  });
}
process.exitCode = await main();

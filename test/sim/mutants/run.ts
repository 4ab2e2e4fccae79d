// Applies each planted bug alone, builds the simulation with it, and runs seeds until one fails, for a minute of a core at the most. A bug that no
// seed finds is a hole in the simulation.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { build } from "esbuild";

import { KEPT } from "../kept.ts";
import { WorkerProcess } from "../process.ts";
import type { Order } from "../worker.ts";
import { type Mutant, MUTANTS } from "./list.ts";

/** Of a core: the same as on a clock, where a machine has nothing else to do. */
const LIMIT_MS = 60_000;
const BATCH = 10;
/** Most are caught by so many seeds. */
const FIRST = 100;
/** What has to be caught. */
const BAR = 0.95;

interface Result {
  readonly mutant: Mutant;
  readonly seconds: number;
  /** By which seed, and what that said; undefined where it survived. */
  readonly caught: { seed: number; violation: string } | undefined;
}

export async function runMutants(filter: string, workers: number): Promise<number> {
  const chosen = MUTANTS.filter(({ name, file }) => `${file} ${name}`.includes(filter));
  // Those that do not apply are told before an hour is spent on the others.
  for (const mutant of chosen) planted(mutant, readFileSync(mutant.file, "utf8"));
  const results: Result[] = [];
  const left = [...chosen];
  const work = async (worker: number): Promise<void> => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const result = await runMutant(mutant, worker);
      results.push(result);
      const how =
        result.caught === undefined
          ? "NOT CAUGHT"
          : `seed ${result.caught.seed}, ${result.seconds.toFixed(1)} s: ${result.caught.violation.split("\n")[0]!.slice(0, 110)}`;
      console.log(`${mutant.file}: ${mutant.name}\n    ${how}`);
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  const caught = results.filter((result) => result.caught !== undefined);
  const slowest = Math.max(0, ...caught.map(({ seconds }) => seconds));
  console.log(`\n${caught.length} of ${results.length} planted bugs caught, the slowest after ${slowest.toFixed(1)} s`);
  for (const { mutant, caught: by } of results)
    if (by === undefined) console.log(`  survived: ${mutant.file}: ${mutant.name}`);
  return caught.length >= results.length * BAR ? 0 : 1;
}

async function runMutant(mutant: Mutant, worker: number): Promise<Result> {
  const runner = new WorkerProcess(await bundleWith(mutant, worker));
  let caught: Result["caught"];
  let cpuMs = 0;
  const orders = ordersOf();
  while (caught === undefined && cpuMs < LIMIT_MS) {
    const told = await runner.ask({ order: orders.next().value });
    if (told instanceof Error) {
      caught = { seed: runner.seed, violation: told.message };
    } else if ("tally" in told) {
      ({ cpuMs } = told.tally);
      caught = told.tally.failures[0];
    }
  }
  runner.kill();
  return { mutant, caught, seconds: cpuMs / 1000 };
}

/** The first seeds, then those that have found something before, then all the others. */
function* ordersOf(): Generator<Order, never> {
  for (let from = 1; ; from += BATCH) {
    if (from === FIRST + 1) for (const { seed } of KEPT) yield { from: seed, count: 1 };
    yield { from, count: BATCH };
  }
}

/** The file with the bug in it. @throws where it does not apply exactly once */
function planted({ file, find, replace, name }: Mutant, source: string): string {
  const parts = source.split(find);
  if (parts.length !== 2)
    throw new Error(`the planted bug "${name}" is found ${parts.length - 1} times in ${file}, not once`);
  return parts.join(replace);
}

async function bundleWith(mutant: Mutant, worker: number): Promise<string> {
  const root = process.cwd();
  const outfile = join(process.env["PODBUS_SIM_WORKER"]!, `../mutant-${worker}.cjs`);
  await build({
    absWorkingDir: root,
    entryPoints: ["test/sim/worker.ts"],
    bundle: true,
    platform: "node",
    target: "node20.19",
    format: "cjs",
    supported: { "dynamic-import": false },
    outfile,
    logLevel: "error",
    plugins: [
      {
        name: "mutant",
        setup({ onLoad }) {
          const path = join(root, mutant.file);
          onLoad({ filter: /\.ts$/ }, (loading) =>
            loading.path === path ? { contents: planted(mutant, readFileSync(path, "utf8")), loader: "ts" } : undefined,
          );
        },
      },
    ],
  });
  return outfile;
}

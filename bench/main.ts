// `npm run bench`: measures the bus, and beside it, in turn, the same without a bus. Its table goes to standard output, its progress to
// standard error. docs/benchmarks.md says how to read it. As a worker (processes.ts) it is one of the processes that it measures.

import { writeFileSync } from "node:fs";

import { describeMachine, headerOf } from "./machine.ts";
import { parseOptions, UsageError } from "./options.ts";
import { WORKER_ARGUMENT } from "./processes.ts";
import { whyNot } from "./programs.ts";
import { type Line, linesOf, table } from "./report.ts";
import { runScenario } from "./run.ts";
import { scenarios } from "./scenarios/index.ts";

const [, , ...args] = process.argv;
if (args[0] === WORKER_ARGUMENT && process.send !== undefined) {
  const { runWorker } = await import("./worker.ts");
  runWorker();
} else {
  process.exitCode = await main();
}

async function main(): Promise<number> {
  try {
    const options = parseOptions(args, scenarios);
    if (typeof options === "string") {
      process.stdout.write(options);
      return 0;
    }
    const machine = describeMachine();
    process.stdout.write(`${headerOf(machine)}\n`);
    const lines: Line[] = [];
    const failures: string[] = [];
    const notes: string[] = [];
    for (const [at, scenario] of options.scenarios.entries()) {
      const missing = whyNot(scenario);
      if (missing !== undefined) {
        (options.areNamed ? failures : notes).push(missing);
        continue;
      }
      const place = `[${at + 1}/${options.scenarios.length}] ${scenario.what}`;
      try {
        const outcome = await runScenario(scenario, {
          ...options,
          progress: (side, run) => tell(`${place}: ${side}, run ${run} of ${options.runs}`),
        });
        lines.push(...linesOf(outcome));
      } catch (error) {
        failures.push((error as Error).message);
      }
      tell("");
      const own = lines.filter((line) => line.scenario === scenario.name);
      if (process.stderr.isTTY !== true) process.stderr.write(`${place}\n${table(own)}\n`);
    }
    process.stdout.write(table(lines));
    for (const note of notes) process.stderr.write(`bench: ${note}\n`);
    for (const failure of failures) process.stderr.write(`bench: ${failure}\n`);
    if (options.jsonFile !== undefined) {
      const { runs, seconds } = options;
      const results = { machine, runs, seconds, results: lines, failures };
      writeFileSync(options.jsonFile, `${JSON.stringify(results, undefined, 2)}\n`);
    }
    return failures.length === 0 ? 0 : 1;
  } catch (error) {
    tell("");
    process.stderr.write(`bench: ${(error as Error).message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** Shows one line of progress in place of the one before; nothing where nobody watches. */
function tell(line: string): void {
  if (process.stderr.isTTY === true) process.stderr.write(`\r\x1b[K${line}`);
}

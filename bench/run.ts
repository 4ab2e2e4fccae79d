// Runs one scenario: its two sides in turn, each time with fresh processes, so that what changes on the machine meets both.

import { Stage } from "./processes.ts";
import type { Outcome } from "./report.ts";
import type { Measure, Scenario } from "./scenarios/scenario.ts";

export interface RunOptions {
  readonly runs: number;
  readonly seconds: number;
  readonly profileFolder: string | undefined;
  /** Told before each measurement. */
  readonly progress: (side: string, run: number) => void;
}

/** Long enough for a process to compile what is hot. */
const LEAST_WARM_UP_MS = 1500;

export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Outcome> {
  const base: Record<string, number>[] = [];
  const bus: Record<string, number>[] = [];
  for (let run = 1; run <= options.runs; run++) {
    options.progress(scenario.base.name, run);
    base.push(await measure(scenario, scenario.base.name, scenario.base.measure, options));
    options.progress("podbus", run);
    bus.push(await measure(scenario, "podbus", scenario.bus, options));
  }
  return { scenario, base, bus };
}

async function measure(
  { name }: Scenario,
  side: string,
  once: Measure,
  { seconds, profileFolder }: RunOptions,
): Promise<Record<string, number>> {
  const stage = new Stage({ profileFolder });
  try {
    return await once({ stage, durationMs: seconds * 1000, warmUpMs: Math.max(LEAST_WARM_UP_MS, seconds * 250) });
  } catch (error) {
    throw new Error(`${name}, ${side}: ${(error as Error).message}`, { cause: error });
  } finally {
    await stage[Symbol.asyncDispose]();
  }
}

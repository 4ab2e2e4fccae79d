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

/** So long it takes a process to compile what is hot, on a slow machine. */
const WARM_UP_SECONDS = 1.5;

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
    // A run that is too short to tell much need not be warm.
    const warmUpSeconds = Math.max(Math.min(WARM_UP_SECONDS, seconds), seconds / 4);
    return await once({ stage, durationMs: seconds * 1000, warmUpMs: warmUpSeconds * 1000 });
  } catch (error) {
    throw new Error(`${name}, ${side}: ${(error as Error).message}`, { cause: error });
  } finally {
    await stage[Symbol.asyncDispose]();
  }
}

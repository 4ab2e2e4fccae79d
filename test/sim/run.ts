// One seed, from its plan to its end: what happened, and what was wrong with it.

import { planOf, type Without } from "./plan.ts";
import { World } from "./world.ts";

export interface Outcome {
  readonly seed: number;
  readonly events: number;
  readonly hash: string;
  /** What was forbidden, and happened; undefined where all was well. */
  readonly violation: string | undefined;
  readonly faults: readonly (readonly [string, number])[];
  readonly lines: readonly string[];
}

/** The run that goes on. */
let current: World | undefined;
process.on("unhandledRejection", (error) => current?.fail(error instanceof Error ? error : new Error(String(error))));

export function runSeed(seed: number, without: Without = {}, isTraced = false): Outcome {
  let world: World | undefined;
  let violation: string | undefined;
  try {
    world = current = new World(planOf(seed, without), isTraced);
    world.run();
  } catch (error) {
    violation = error instanceof Error ? describe(error) : String(error);
  }
  return {
    seed,
    violation,
    events: world?.loop.events ?? 0,
    hash: world?.trace.hash ?? "",
    faults: [...(world?.faults.counts ?? [])],
    lines: world?.trace.lines ?? [],
  };
}

/** A violation speaks for itself; anything else is a defect of the broker, or of the simulation. */
function describe(error: Error): string {
  return error.constructor.name === "Violation" ? error.message : (error.stack ?? error.message);
}

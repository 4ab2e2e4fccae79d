// What a scenario is: something that is measured on the bus and, for comparison, without it.

import type { Stage } from "../processes.ts";
import type { Program } from "../programs.ts";

interface Setting {
  /** The processes of this measurement; whoever gave it ends them. */
  readonly stage: Stage;
  /** How long to measure, and how long to warm up before. */
  readonly durationMs: number;
  readonly warmUpMs: number;
}

/** Measures once. Gives a value for each metric; throws where a message was lost, doubled, out of order, or not whole. */
export type Measure = (setting: Setting) => Promise<Record<string, number>>;

export interface Bar {
  /** What is held against it: the bus by the base, the bus less the base, or the bus alone. */
  readonly of: "ratio" | "difference" | "bus";
  readonly at: "least" | "most";
  readonly value: number;
}

export interface Metric {
  /** Its name in what {@link Measure} gives. */
  readonly key: string;
  readonly unit: string;
  /** How the two sides are compared. @default "ratio" */
  readonly by?: "ratio" | "difference";
  readonly bar?: Bar;
}

export interface Scenario {
  /** As in `--only`. */
  readonly name: string;
  /** One line for people. */
  readonly what: string;
  /** What has to be installed beside Node. @default nothing */
  readonly needs?: Program;
  readonly metrics: readonly Metric[];
  /** What the bus is compared with. */
  readonly base: { readonly name: string; readonly measure: Measure };
  readonly bus: Measure;
}

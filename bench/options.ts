// The benchmark's command line. Pure.

import { parseArgs } from "node:util";

import type { Scenario } from "./scenarios/scenario.ts";

export interface Options {
  readonly scenarios: readonly Scenario[];
  /** They were named, one by one: those that can't be measured are missed. */
  readonly areNamed: boolean;
  readonly runs: number;
  readonly seconds: number;
  readonly jsonFile: string | undefined;
  readonly profileFolder: string | undefined;
}

/** Wrong usage: one line, exit code 2. */
export class UsageError extends Error {}

const DEFAULT_RUNS = 5;
const DEFAULT_SECONDS = 2;
const QUICK_RUNS = 1;
const QUICK_SECONDS = 0.5;

export const HELP: string = `Usage: npm run bench -- [options]

  --only NAME[,NAME]  only these scenarios (--list shows them)
  --runs N            runs of each side, in turn (default ${DEFAULT_RUNS})
  --seconds N         how long each run measures (default ${DEFAULT_SECONDS}); a warm-up of 1.5 s, or a quarter of long ones, comes before
  --quick             one run of ${QUICK_SECONDS} s each: shows that it works, and no more
  --json FILE         also write everything that was measured, every run, as JSON
  --profile FOLDER    have every process write a CPU profile; rates are lower then
  --list              show the scenarios
  --help
`;

/** What to print instead of measuring, or what to measure. Throws {@link UsageError}. */
export function parseOptions(args: readonly string[], all: readonly Scenario[]): Options | string {
  const values = parse(args);
  if (values.help === true) return HELP;
  if (values.list === true) return listOf(all);
  const quick = values.quick === true;
  return {
    scenarios: chosen(values.only, all),
    areNamed: values.only !== undefined,
    runs: count("--runs", values.runs, quick ? QUICK_RUNS : DEFAULT_RUNS, Number.isSafeInteger),
    seconds: count("--seconds", values.seconds, quick ? QUICK_SECONDS : DEFAULT_SECONDS, Number.isFinite),
    jsonFile: values.json,
    profileFolder: values.profile,
  };
}

function parse(args: readonly string[]): {
  only?: string;
  runs?: string;
  seconds?: string;
  quick?: boolean;
  json?: string;
  profile?: string;
  list?: boolean;
  help?: boolean;
} {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        runs: { type: "string" },
        seconds: { type: "string" },
        quick: { type: "boolean" },
        json: { type: "string" },
        profile: { type: "string" },
        list: { type: "boolean" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split("\n")[0]}; see --help`, { cause: error });
  }
}

function chosen(only: string | undefined, all: readonly Scenario[]): readonly Scenario[] {
  if (only === undefined) return all;
  const names = only.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !all.some((scenario) => scenario.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no scenario "${unknown}"; --list shows them`);
  return all.filter(({ name }) => names.includes(name));
}

function count(name: string, text: string | undefined, usual: number, fits: (value: number) => boolean): number {
  if (text === undefined) return usual;
  const value = Number(text);
  if (text.trim() !== "" && fits(value) && value > 0) return value;
  throw new UsageError(`${name} must be a number above 0, but this is "${text}"`);
}

function listOf(all: readonly Scenario[]): string {
  const width = Math.max(...all.map(({ name }) => name.length));
  return all.map(({ name, what }) => `${name.padEnd(width)}  ${what}\n`).join("");
}

// Options that are numbers: sizes, durations and counts, each with how it is shown in --help, how it is read, and what is said where
// it can't be. Pure.

import { InvalidArgumentError } from "commander";

import { DURATION_EXPECTED, parseCount, parseDuration, parseSize, SIZE_EXPECTED } from "./units.ts";

interface Kind {
  readonly shown: string;
  readonly parse: (text: string) => number | undefined;
  readonly expected: string;
}

type KindName = "size" | "duration" | "count";

const KINDS: Readonly<Record<KindName, Kind>> = {
  size: { shown: "size", parse: parseSize, expected: SIZE_EXPECTED },
  duration: { shown: "duration", parse: parseDuration, expected: DURATION_EXPECTED },
  count: { shown: "n", parse: parseCount, expected: "a whole number" },
};

export interface NumberKind {
  readonly kind: KindName;
  readonly minimum: number;
}

/** How the value is shown in `--flag <value>`. */
export function shownAs({ kind }: NumberKind): string {
  return KINDS[kind].shown;
}

/** @throws InvalidArgumentError that says what was expected. */
export function parseNumber({ kind, minimum }: NumberKind, text: string): number {
  const { parse, expected } = KINDS[kind];
  const value = parse(text);
  if (value === undefined) throw new InvalidArgumentError(`expected ${expected}`);
  if (value < minimum) throw new InvalidArgumentError(`expected ${minimum} or more`);
  return value;
}

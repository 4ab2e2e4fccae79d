// How a command ends: exit codes, and the one line on standard error that says what was wrong and what to do. Pure.

import { PodbusError, type ErrorCode } from "../shared/errors.ts";
import { printable } from "../shared/printable.ts";

export const Exit = { DONE: 0, FAILED: 1, USAGE: 2 } as const;

/** What was typed makes no sense: exit 2. The message says what was expected. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UsageError";
  }
}

/** How commander says it, and how we do. */
const WORDS: readonly (readonly [theirs: RegExp, ours: string])[] = [
  [/^error: /, ""],
  [/^option '(\S+?)( [^']*)?' argument missing$/, "$1 needs a value: $1$2"],
  [/^option '(\S+?)(?: [^']*)?' argument '(.*)' is invalid\. /s, '$1 "$2": '],
  [/^option '[^']*' value '(.*)' from env '(\w+)' is invalid\. /s, '$2 "$1": '],
  [/^command-argument value '(.*)' is invalid for argument '([^']*)'\. /s, '$2 "$1": '],
  [/^missing required argument '([^']*)'$/, "<$1> is missing"],
  [/^unknown option '(.*)'$/m, 'there is no option "$1"'],
  [/^too many arguments.* Expected 0 arguments but got (\d+)\.$/, "too many arguments: expected none, but got $1"],
  [/^too many arguments.* Expected (\d+) arguments? but got (\d+)\.$/, "too many arguments: expected $1, but got $2"],
  [/Allowed choices are (.*)\.$/, "expected one of $1"],
  [/\n\(Did you mean (.*)\?\)/, " (did you mean $1?)"],
];

/** commander's message, which may be of two lines or sentences, as one of ours. */
export function usageOf(message: string, command: string): UsageError {
  const text = WORDS.reduce((told, [theirs, ours]) => told.replace(theirs, ours), message);
  return new UsageError(`${text}; see podbus ${command} --help`);
}

/** The command could not do what it was asked to: exit 1, or `exitCode`. The message is the whole line. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(message: string, options?: ErrorOptions & { exitCode?: number }) {
    super(message, options);
    this.name = "CommandFailure";
    this.exitCode = options?.exitCode ?? Exit.FAILED;
  }
}

/** Codes of errors that only what was typed can cause. */
const TYPED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["bad_address", "bad_topic", "bad_pattern", "bad_option"]);

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return Exit.USAGE;
  if (error instanceof CommandFailure) return error.exitCode;
  if (error instanceof PodbusError && TYPED.has(error.code)) return Exit.USAGE;
  return Exit.FAILED;
}

/** `podbus: …`, one line whatever the error holds. */
export function errorLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return `podbus: ${printable(message.trim().replace(/\s*\n\s*/g, "; "))}`;
}

/** 128 and the number of the signal, as shells report a process that a signal ended. */
export function exitCodeOfSignal(signal: "SIGINT" | "SIGTERM"): number {
  return signal === "SIGINT" ? 130 : 143;
}

// What is wrong with a file of rules: where, by line and key, and what was expected there.

import { PodbusError } from "../../shared/errors.ts";
import { printable } from "../../shared/printable.ts";

export interface RulesProblem {
  /** From 1. */
  readonly line: number;
  /** The way to it, such as `rules[2].publish[0]`; empty for the file as a whole. */
  readonly key: string;
  /** What was expected, and what is there. */
  readonly message: string;
}

/** A file that holds no valid rules. `message` tells the first problem, `lines` all of them. */
export class RulesError extends PodbusError {
  /** `FILE:LINE: KEY: what is wrong`, one for each problem. */
  readonly lines: readonly string[];

  constructor(file: string, problems: readonly RulesProblem[], options?: ErrorOptions) {
    const inOrder = [...problems].sort((a, b) => a.line - b.line);
    const lines = inOrder.map(({ line, key, message }) => {
      const where = key === "" ? "" : `${printable(key, 100)}: `;
      return `${printable(file, 200)}:${line}: ${where}${message}`;
    });
    const more = lines.length > 1 ? `; and ${lines.length - 1} more, which podbus check-config shows` : "";
    super("bad_option", `the rules are wrong: ${lines[0]}${more}`, options);
    this.lines = lines;
  }
}

// What `podbus doctor` prints for people. Pure.

import { printable } from "../../shared/printable.ts";
import { plural } from "../units.ts";
import type { Check } from "./check.ts";

const WORDS: Record<Check["state"], string> = { ok: "ok", warning: "warning", problem: "PROBLEM" };

/** A line a check, below it what to do, and at the end how many problems there are. */
export function showChecks(checks: readonly Check[]): string {
  const names = Math.max(...checks.map(({ check }) => check.length));
  const words = Math.max(...checks.map(({ state }) => WORDS[state].length));
  const lines: string[] = [];
  for (const { check, state, says, advice } of checks) {
    lines.push(`${check.padEnd(names)}  ${WORDS[state].padEnd(words)}  ${printable(says)}`);
    if (advice !== undefined) lines.push(`${" ".repeat(names + words + 4)}→ ${printable(advice)}`);
  }
  return `${lines.join("\n")}\n${summary(checks)}\n`;
}

function summary(checks: readonly Check[]): string {
  const count = (state: Check["state"]): number => checks.filter((check) => check.state === state).length;
  const problems = count("problem");
  const warnings = count("warning");
  const found = problems === 0 ? "no problem" : plural(problems, "problem");
  return warnings === 0 ? found : `${found}, ${plural(warnings, "warning")}`;
}

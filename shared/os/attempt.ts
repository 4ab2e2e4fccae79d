// Looks at what may be missing, hidden from this user, or gone a moment later, as most of /proc may: that is an answer, and no error.

import { readFileSync } from "node:fs";

/** What `look` returns, or undefined where it throws. */
export function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** The text of a file; empty where it can't be read. */
export function readText(path: string): string {
  return attempt(() => readFileSync(path, "utf8")) ?? "";
}

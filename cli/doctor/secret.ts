// Whether the secret that is to be proved can be read, and by whom else. Pure.

import { printable } from "../../shared/printable.ts";
import type { Check } from "./check.ts";

export interface SecretFacts {
  readonly path: string;
  /** How many secrets are there, or why they can't be read. */
  readonly found: number | string;
  /** Whether every user may read one of them; undefined where it can't be told. */
  readonly isOpen: boolean | undefined;
}

export function checkSecret({ path, found, isOpen }: SecretFacts): Check {
  const shown = printable(path);
  const common = { check: "secret", facts: { path, found, isOpen: isOpen ?? null } } as const;
  if (typeof found === "string") {
    return {
      ...common,
      state: "problem",
      says: found,
      advice: "mount it there, readable for this user (fsGroup), or give another path",
    };
  }
  const says = `${found === 1 ? "a secret is" : `${found} secrets are`} read from ${shown}`;
  if (isOpen !== true) return { ...common, state: "ok", says };
  const advice = "take that away: mode 0440, and the group of those who should (defaultMode and fsGroup)";
  return { ...common, state: "warning", says: `${says}, which every user here may read`, advice };
}

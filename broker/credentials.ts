// Whether this system tells who connects: where it does not, a broker starts only if that does not matter.

import { PodbusError } from "../shared/errors.ts";
import { credentialsProblem } from "../shared/os/credentials.ts";
import type { Allow } from "./core/allow.ts";

/** @throws PodbusError `unavailable` where nobody could be let in */
export function needCredentials(allow: Allow): void {
  const problem = allow === "any" ? undefined : credentialsProblem();
  if (problem === undefined) return;
  throw new PodbusError(
    "unavailable",
    `who connects can't be told here (${problem}), so nobody could be let in; allow any (--allow any), with a secret (--secret-file) where others reach the socket`,
  );
}

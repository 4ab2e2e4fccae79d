// Refuses options by names that there are none of: a misspelt one would else count as left out, and nobody be told.

import { PodbusError } from "./errors.ts";

/** @throws PodbusError `bad_option` that names the first unknown one, and those that `what` has. */
export function checkOptionNames(what: string, options: object, known: Iterable<string>): void {
  const names: ReadonlySet<string> = known instanceof Set ? (known as ReadonlySet<string>) : new Set(known);
  // No list of the names is made: publishes with headers come this way, one by one.
  for (const name in options) {
    if (names.has(name)) continue;
    throw new PodbusError(
      "bad_option",
      `${what} has no option ${JSON.stringify(name)}; it has ${[...names].join(", ")}`,
    );
  }
}

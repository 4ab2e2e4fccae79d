// Asks V8 to free what nobody holds. By itself it lets 64 MiB of buffers gather before it looks, which is more than a container with
// little memory has; there is no flag for that, and no way to free a buffer but to collect.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/** Costs some milliseconds. */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
    setFlagsFromString("--no-expose-gc");
  }
  collect();
}

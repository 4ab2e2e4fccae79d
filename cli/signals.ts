// Signals that ask a command to end: the first in good order, the second at once.

import { exitCodeOfSignal } from "./usage.ts";

/** Resolves with the first SIGINT or SIGTERM; a second one ends the process at once. */
export function untilSignal(): Promise<"SIGINT" | "SIGTERM"> {
  return new Promise((resolve) => {
    let isFirst = true;
    const on = (signal: "SIGINT" | "SIGTERM"): void => {
      if (!isFirst) process.exit(exitCodeOfSignal(signal));
      isFirst = false;
      resolve(signal);
    };
    process.on("SIGINT", on);
    process.on("SIGTERM", on);
  });
}

// `podbus serve` under strace, for those who ask in which order it wrote, flushed and answered.

import { join } from "node:path";

import { CLI, Running, untilListening } from "./processes.ts";

/** Of one write, as much as is recorded. */
const MOST_BYTES = 200_000;

/** Serves `address` with the data directory `folder/data`, and records `calls` in `folder/trace`: complete once it has ended. */
export async function startTraced(folder: string, address: string, calls: string): Promise<Running> {
  const record = ["-f", "-y", "-xx", "-s", `${MOST_BYTES}`, "-e", `trace=${calls}`, "-o", join(folder, "trace")];
  const serve = [process.execPath, CLI, "serve", "--address", address, "--data", join(folder, "data")];
  const broker = new Running("strace", [...record, ...serve]);
  await untilListening(broker);
  return broker;
}

// The processor time of a process, as the kernel counts it: exact to less than a microsecond, all its threads together.

import { readdirSync, readFileSync } from "node:fs";

/** Nanoseconds that the threads which the process `pid` has now have run so far. */
export function cpuNs(pid: number): number {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ", 1)[0]);
  }
  return ns;
}

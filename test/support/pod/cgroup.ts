// What a container's cgroup says it uses, read from outside: of version 1 and 2.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const MOUNT = "/sys/fs/cgroup";

export interface Cgroup {
  /** Memory that is charged to the container now, its page cache included: what its limit is compared with. */
  bytes(): number;
  /** Processor time so far. */
  cpuMs(): number;
}

/** Of the container whose first process has this pid, as the machine numbers it. */
export function cgroupOf(pid: number): Cgroup {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  const rows = lines.map((line) => /^\d+:([^:]*):(.*)$/.exec(line)!.slice(1) as [string, string]);
  const pathOf = (controller: string): string | undefined =>
    rows.find(([controllers]) => controllers.split(",").includes(controller))?.[1];
  const number = (...path: string[]): number => Number(readFileSync(join(MOUNT, ...path), "utf8"));

  const memory = pathOf("memory");
  const cpu = pathOf("cpuacct");
  if (memory !== undefined && cpu !== undefined) {
    return {
      bytes: () => number("memory", memory, "memory.usage_in_bytes"),
      cpuMs: () => number("cpuacct", cpu, "cpuacct.usage") / 1e6,
    };
  }
  const unified = pathOf("")!;
  return {
    bytes: () => number(unified, "memory.current"),
    cpuMs: () => Number(/usage_usec (\d+)/.exec(readFileSync(join(MOUNT, unified, "cpu.stat"), "utf8"))![1]) / 1000,
  };
}

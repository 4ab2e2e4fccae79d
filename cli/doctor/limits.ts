// The limits that apply to a broker started here: open files, memory, the backlog of its listener. Pure.

import { defaultMemoryLimit } from "../../shared/default-memory-limit.ts";
import { connectionsWithin, RESERVED_FILES } from "../../shared/os/open-files.ts";
import { DEFAULT_BACKLOG } from "../../shared/os/listen.ts";
import { DEFAULT_MAX_CONNECTIONS } from "../../shared/protocol.ts";
import { formatBytes, formatCount } from "../units.ts";
import type { Check } from "./check.ts";

export interface LimitFacts {
  /** Infinity where there is none. */
  readonly openFiles: number;
  /** What was asked for. */
  readonly maxConnections: number | undefined;
  /** The container's limit in bytes; undefined where there is none. */
  readonly containerMemory: number | undefined;
  readonly cgroup: 1 | 2 | undefined;
  readonly memoryLimit: number | undefined;
  /** `net.core.somaxconn` of this network namespace; undefined where it can't be read. */
  readonly somaxconn: number | undefined;
}

const MIB = 1024 * 1024;
/** Less than this is hardly enough for the process itself. */
const SMALL_MEMORY: number = 64 * MIB;
/** Fewer connections than this are soon taken. */
const FEW_CONNECTIONS = 256;
/** What the process takes beside what it holds: what {@link defaultMemoryLimit} leaves it. */
const PROCESS_BYTES: number = 96 * MIB;

export function checkLimits(facts: LimitFacts): Check[] {
  return [checkFiles(facts), checkMemory(facts), checkBacklog(facts)];
}

function checkFiles({ openFiles, maxConnections }: LimitFacts): Check {
  const possible = connectionsWithin(openFiles);
  const counts = maxConnections ?? Math.min(DEFAULT_MAX_CONNECTIONS, possible);
  const limit = openFiles === Infinity ? null : openFiles;
  const common = { check: "files", facts: { openFiles: limit, maxConnections: counts } } as const;
  const files = limit === null ? "open files are not limited" : `${formatCount(limit)} files may be open`;
  const advice = "raise the limit (ulimit -n; a container runtime's --ulimit nofile=…)";
  if (counts > possible) {
    const says = `${files}, which leaves room for ${formatCount(possible)} connections (less ${RESERVED_FILES}), not for the ${formatCount(counts)} asked for`;
    return { ...common, state: "problem", says, advice: `${advice}, or lower --max-connections` };
  }
  const says = `${files}: up to ${formatCount(counts)} connections at once`;
  if (possible < FEW_CONNECTIONS) return { ...common, state: "warning", says, advice };
  return { ...common, state: "ok", says };
}

function checkMemory({ containerMemory, cgroup, memoryLimit }: LimitFacts): Check {
  const limit = memoryLimit ?? defaultMemoryLimit(containerMemory);
  const given = memoryLimit === undefined ? "the default of --memory-limit" : "--memory-limit";
  const common = {
    check: "memory",
    facts: { containerMemoryBytes: containerMemory ?? null, cgroup: cgroup ?? null, memoryLimitBytes: limit },
  } as const;
  if (containerMemory === undefined) {
    const says = `no memory limit of a container is seen${cgroup === undefined ? "" : ` (cgroup v${cgroup})`}; ${given} is ${formatBytes(limit)}`;
    return { ...common, state: "ok", says };
  }
  const says = `the container may use ${formatBytes(containerMemory)} (cgroup v${cgroup ?? "?"}); ${given} is ${formatBytes(limit)}`;
  if (memoryLimit !== undefined && memoryLimit > containerMemory - PROCESS_BYTES) {
    const advice = `raise the container's limit to ${formatBytes(memoryLimit + PROCESS_BYTES)} or more, or lower --memory-limit: else the kernel may kill the broker before it reaches its own`;
    return { ...common, state: memoryLimit >= containerMemory ? "problem" : "warning", says, advice };
  }
  if (containerMemory < SMALL_MEMORY) {
    return { ...common, state: "warning", says, advice: `give the container ${formatBytes(SMALL_MEMORY)} or more` };
  }
  return { ...common, state: "ok", says };
}

function checkBacklog({ somaxconn }: LimitFacts): Check {
  const common = { check: "backlog", facts: { somaxconn: somaxconn ?? null, backlog: DEFAULT_BACKLOG } } as const;
  if (somaxconn === undefined) return { ...common, state: "ok", says: "net.core.somaxconn can't be read here" };
  const counts = Math.min(somaxconn, DEFAULT_BACKLOG);
  const says = `${formatCount(counts)} connections may wait to be accepted`;
  if (counts >= FEW_CONNECTIONS) return { ...common, state: "ok", says };
  const advice = "raise net.core.somaxconn: clients that come all at once try again otherwise";
  return { ...common, state: "warning", says: `${says} (net.core.somaxconn)`, advice };
}

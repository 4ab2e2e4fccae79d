// The memory limit of the container that this process is in, as its cgroup tells: version 2, or version 1 where that is mounted.

import { join } from "node:path";

import { readText } from "./attempt.ts";

/** Version 1 says "no limit" with a number near 2^63. */
const NO_LIMIT = 2 ** 60;

/** Bytes, or undefined where there is no limit or it can't be told. The smallest of the cgroups that this one is in counts. */
export function containerMemoryLimit(root = "/sys/fs/cgroup", self = "/proc/self/cgroup"): number | undefined {
  const limits = paths(root, self)
    .map(readLimit)
    .filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** The files that may hold a limit: of this process's cgroup as the host names it, and each above it. */
function paths(root: string, self: string): string[] {
  const files: string[] = [];
  for (const line of readText(self).split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined || (controllers !== "" && !controllers!.split(",").includes("memory"))) continue;
    const [folder, file] = controllers === "" ? [root, "memory.max"] : [join(root, "memory"), "memory.limit_in_bytes"];
    for (let at = path; ; at = join(at, "..")) {
      files.push(join(folder, at, file));
      if (at === "/") break;
    }
  }
  return files;
}

function readLimit(file: string): number | undefined {
  const text = readText(file).trim();
  const limit = text === "" || text === "max" ? Number.NaN : Number(text);
  return Number.isNaN(limit) || limit >= NO_LIMIT ? undefined : limit;
}

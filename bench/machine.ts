// Where and with what it was measured.

import { execFileSync } from "node:child_process";
import { cpus, loadavg, release } from "node:os";
import { dirname } from "node:path";

import { VERSION } from "../shared/version.ts";

export interface Machine {
  readonly podbus: string;
  /** The commit, with a `+` where files differ from it; undefined outside of a repository. */
  readonly commit: string | undefined;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  /** What ran before it began, as an average of runnable processes over a minute. */
  readonly load: number;
  readonly startedAt: string;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    podbus: VERSION,
    commit: commitOf(),
    node: process.version,
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    kernel: `${process.platform} ${release()}`,
    load: loadavg()[0]!,
    startedAt: new Date().toISOString(),
  };
}

export function headerOf({ podbus, commit, node, cpu, cores, kernel, load }: Machine): string {
  const version = `podbus ${podbus}${commit === undefined ? "" : ` (${commit})`}`;
  return `${version}, Node ${node}, ${cores} × ${cpu}, ${kernel}, load ${load.toFixed(2)}\n`;
}

function commitOf(): string | undefined {
  const git = (...args: string[]): string =>
    execFileSync("git", args, {
      cwd: dirname(process.argv[1]!),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  try {
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain") === "" ? "" : "+");
  } catch {
    return undefined;
  }
}

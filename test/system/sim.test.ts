// The simulation on the newest Node: a seed makes the same run there, event by event, as on this one. Needs the npm registry.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

import { installCurrentNode } from "../support/nodes.ts";

const script = fileURLToPath(new URL("../../scripts/sim.mjs", import.meta.url));

test("seeds make the same runs on this Node and on a current one", async () => {
  await using current = await installCurrentNode();
  const traces = [];
  for (const node of [process.execPath, current.path]) {
    const { stdout } = await promisify(execFile)(node, [script, "--seeds", "150"]);
    traces.push(/trace of all: (\w+)/.exec(stdout)?.[1]);
  }
  expect(traces[0]).toMatch(/^[0-9a-f]{16}$/);
  expect(traces[1]).toBe(traces[0]);
});

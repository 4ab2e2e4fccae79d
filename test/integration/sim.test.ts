// The simulation itself: what it once found stays mended, the same seeds are the same run, and a bug that is planted is found.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("../../scripts/sim.mjs", import.meta.url));

async function sim(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args, "--workers", "1"]);
  return stdout;
}

test("seeds that have found something find it no more", async () => {
  const printed = await sim("--kept");
  expect(printed).toContain("once: ");
  expect(printed).toContain("nothing forbidden happened");
});

test("a seed makes the same run each time", async () => {
  const traces = [await sim("--seeds", "25"), await sim("--seeds", "25")].map(
    (it) => /trace of all: (\w+)/.exec(it)?.[1],
  );
  expect(traces[0]).toMatch(/^[0-9a-f]{16}$/);
  expect(traces[1]).toBe(traces[0]);
});

test("a planted bug is found", async () => {
  expect(await sim("--mutants", "XON is lost")).toContain("1 of 1 planted bugs caught");
});

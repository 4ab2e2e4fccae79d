// The benchmark beside its peers: a real redis-server, a real nats-server and HTTP, each scenario once and short. It fails where a message is
// lost, doubled or damaged on either side; rates are not looked at. Needs both servers.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

import type { Line } from "../../bench/report.ts";
import { peers } from "../../bench/scenarios/peers.ts";
import { Running } from "../support/processes.ts";

const BENCH: string = fileURLToPath(new URL("../../dist/bench/main.js", import.meta.url));
const folder: string = mkdtempSync(join(tmpdir(), "podbus-bench-test-"));

afterAll(() => rmSync(folder, { recursive: true }));

test("a scenario that was named and whose program is missing fails, and says what to install", async () => {
  const args = [BENCH, "--quick", "--only", "redis-queue"];
  const { code, stderr } = await new Running(process.execPath, args, { env: { PATH: folder } }).ended;
  expect(code).toBe(1);
  expect(stderr).toBe("bench: redis-queue is not measured: it needs redis-server (apt-get install redis-server)\n");
});

const names: string[] = peers.map(({ name }) => name);

test.each(names)("%s: every message comes once, on both sides", async (name) => {
  const file = join(folder, `${name}.json`);
  const { code, stderr } = await new Running(process.execPath, [BENCH, "--quick", "--only", name, "--json", file])
    .ended;
  expect(code, stderr).toBe(0);
  const { results } = JSON.parse(readFileSync(file, "utf8")) as { results: Line[] };
  expect(results.length).toBeGreaterThan(0);
  for (const { metric, base, bus } of results) {
    expect(base, metric).toBeGreaterThan(0);
    expect(bus, metric).toBeGreaterThan(0);
  }
});

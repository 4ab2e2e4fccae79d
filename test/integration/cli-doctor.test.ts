import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { runCli, startBroker, type StartOptions, uniqueAddress } from "../support/processes.ts";

interface Check {
  check: string;
  state: string;
  says: string;
  advice?: string;
  facts: Record<string, unknown>;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "podbus-doctor-"));
  chmodSync(folder, 0o777);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function doctor(args: string[], options?: StartOptions): Promise<{ code: number | null; checks: Check[] }> {
  const { code, stdout, stderr } = await runCli(["doctor", "--json", ...args], options);
  expect(stderr).toBe("");
  const lines = stdout.split("\n").filter((line) => line !== "");
  return { code, checks: lines.map((line) => JSON.parse(line) as Check) };
}

const find = (checks: Check[], name: string): Check => checks.find(({ check }) => check === name)!;

test("a free name, a data directory that can be made: no problem, and exit code 0", async () => {
  const { code, checks } = await doctor(["--address", uniqueAddress(), "--data", join(folder, "data")]);
  expect(checks.map(({ check }) => check)).toEqual([
    "namespace",
    "name",
    "credentials",
    "files",
    "memory",
    "backlog",
    "data",
  ]);
  expect(find(checks, "name").says).toMatch(/is free/);
  expect(find(checks, "credentials")).toMatchObject({ state: "ok", facts: { own: { uid: process.geteuid!() } } });
  expect(find(checks, "data").says).toContain(join(folder, "data"));
  expect([code, checks.filter(({ state }) => state === "problem")]).toEqual([0, []]);
});

test("a broker is named with who holds it, and lets us in", async () => {
  await using broker = await startBroker();
  const { code, checks } = await doctor([], { env: broker.env });
  expect(find(checks, "name").says).toMatch(new RegExp(`^${broker.address} is taken by node \\(pid ${broker.pid}, `));
  expect(find(checks, "broker")).toMatchObject({ state: "ok", facts: { client: { connected: true } } });
  expect(code).toBe(0);
});

test("a stranger on the name is a problem: exit code 1, and for people what to do", async () => {
  const path = join(folder, "silent.sock");
  const silent = createServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => silent.listen(path, resolve));
  try {
    const { code, stdout } = await runCli(["doctor", "--address", path]);
    expect(stdout).toMatch(/^broker +PROBLEM +who listens on .*silent\.sock does not greet/m);
    expect(stdout).toMatch(/^ +→ end that process/m);
    expect(stdout).toMatch(/^1 problem/m);
    expect(code).toBe(1);
  } finally {
    silent.close();
  }
});

test("options are taken from the broker's environment, and what contradicts the limits is told", async () => {
  const env = { PODBUS_DATA: join(folder, "file"), PODBUS_MAX_CONNECTIONS: "100000000", PODBUS_MEMORY_LIMIT: "64MiB" };
  writeFileSync(env.PODBUS_DATA, "");
  const { code, checks } = await doctor(["--address", join(folder, "none", "x.sock")], { env });
  expect(find(checks, "data")).toMatchObject({ state: "problem", says: expect.stringMatching(/not a directory/) });
  expect(find(checks, "files")).toMatchObject({ state: "problem", says: expect.stringMatching(/100,000,000/) });
  expect(find(checks, "socket")).toMatchObject({ state: "problem", says: expect.stringMatching(/does not exist/) });
  expect(find(checks, "memory").facts).toMatchObject({ memoryLimitBytes: 64 * 1024 * 1024 });
  expect(code).toBe(1);
});

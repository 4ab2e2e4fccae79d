import { createServer, type Server } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type BrokerProcess, runCli, startBroker, startCli } from "../support/processes.ts";

interface Line {
  address: string;
  state: string;
  connections: number;
  holders: { pid: number; commandLine: string[]; user: string }[];
  broker?: { protocol: number };
}

let broker: BrokerProcess;
let folder: string;
let silent: Server;
beforeAll(async () => {
  broker = await startBroker();
  folder = mkdtempSync(join(tmpdir(), "podbus-ls-"));
  silent = createServer();
  await new Promise<void>((resolve) => silent.listen(join(folder, "silent.sock"), resolve));
});
afterAll(async () => {
  silent.close();
  rmSync(folder, { recursive: true, force: true });
  await broker[Symbol.asyncDispose]();
});

async function ls(...args: string[]): Promise<Line[]> {
  const { code, stdout, stderr } = await runCli(["ls", "--json", ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

test("shows the broker, who holds it, and how many clients it has", async () => {
  await using _one = startCli(["sub", "a.one"], { env: broker.env });
  await using _two = startCli(["sub", "a.two"], { env: broker.env });
  for (const topic of ["a.one", "a.two"]) await runCli(["wait", topic], { env: broker.env });
  const found = (await ls()).find(({ address }) => address === broker.address);
  expect(found).toMatchObject({
    state: "listening",
    connections: 2,
    broker: { protocol: 1 },
    holders: [{ pid: broker.pid }],
  });

  const { stdout } = await runCli(["ls"]);
  const row = stdout.split("\n").find((line) => line.startsWith(`${broker.address} `));
  expect(row).toMatch(new RegExp(`listening +2 +protocol 1 +${broker.pid} .*node`));
});

test("--all shows file-system sockets, and a silent one is no broker", async () => {
  const path = join(folder, "silent.sock");
  expect((await ls()).some(({ address }) => address === path)).toBe(false);
  const found = (await ls("--all")).find(({ address }) => address === path);
  expect(found).toMatchObject({ state: "listening", holders: [{ pid: process.pid }] });
  expect(found).not.toHaveProperty("broker");
});

test("--no-probe connects to nothing", async () => {
  let connections = 0;
  silent.on("connection", () => connections++);
  const found = (await ls("--all", "--no-probe")).find(({ address }) => address === broker.address);
  expect(found).not.toHaveProperty("broker");
  expect(connections).toBe(0);
});

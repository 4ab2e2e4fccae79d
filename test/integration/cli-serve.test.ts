import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { logLines, runCli, startBroker, startCli, uniqueAddress, untilListening } from "../support/processes.ts";

test("says in JSON where it listens, and why it ends", async () => {
  await using broker = await startBroker();
  const [listening] = logLines(broker.process.stdout);
  expect(listening).toMatchObject({ level: "info", msg: "listening", address: broker.address, pid: broker.pid });
  const { code, stdout, stderr } = await broker.stop("SIGTERM");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const lines = logLines(stdout);
  expect(lines.map(({ msg }) => msg)).toEqual(["listening", "closing", "closed"]);
  expect(lines[1]).toMatchObject({ why: "SIGTERM" });
});

test("SIGINT ends it likewise", async () => {
  await using broker = await startBroker();
  expect(await broker.stop("SIGINT")).toMatchObject({ code: 0, stderr: "" });
});

test("tells the clients, who have a moment, and a second signal ends it at once", async () => {
  await using broker = await startBroker({ args: ["--grace-ms", "60s"] });
  // Takes nothing: what waits for it holds the broker's end up.
  await using sub = startCli(["sub", "a", "--overflow", "block"], { env: broker.env });
  expect(await runCli(["wait", "a"], { env: broker.env })).toMatchObject({ code: 0 });
  sub.child.kill("SIGSTOP");
  const big = "x".repeat(900_000);
  expect(await runCli(["pub", "a", "--lines"], { env: broker.env, input: `${big}\n`.repeat(4) })).toMatchObject({
    code: 0,
  });
  broker.process.child.kill("SIGTERM");
  await broker.process.untilPrinted('"closing"');
  expect(await broker.stop("SIGTERM")).toMatchObject({ code: 143 });
});

test("picks a free name where it is told @ alone", async () => {
  await using broker = startCli(["serve", "--address", "@"]);
  await untilListening(broker);
  const { address } = logLines(broker.stdout)[0] as { address: string };
  expect(address).toMatch(/^@./);
  expect(await runCli(["ping", "--address", address])).toMatchObject({ code: 0 });
});

test("a second broker on the same name says so in one line, and exits with 1", async () => {
  await using broker = await startBroker();
  const second = await runCli(["serve", "--address", broker.address]);
  expect(second).toMatchObject({ code: 1, stdout: "" });
  expect(second.stderr).toMatch(/^podbus: [^\n]*\n$/);
  expect(second.stderr).toContain(broker.address);
  expect(second.stderr).toContain("--wait");
});

test("--wait takes over when the one before ends, and can be ended while it waits", async () => {
  await using broker = await startBroker();
  await using next = startCli(["serve", "--address", broker.address, "--wait"]);
  await using third = startCli(["serve"], { env: { ...broker.env, PODBUS_WAIT: "true" } });
  await Promise.all([next, third].map((waiting) => waiting.untilPrinted("waiting until the address is free")));
  await broker.stop();
  await Promise.race([untilListening(next), untilListening(third)]);
  const ends = await Promise.all([next.stop(), third.stop("SIGINT")]);
  expect(ends).toMatchObject([
    { code: 0, stderr: "" },
    { code: 0, stderr: "" },
  ]);
});

test("takes its options from the environment, and says which is wrong", async () => {
  const wrong = await runCli(["serve"], { env: { PODBUS_ADDRESS: uniqueAddress(), PODBUS_STALL_MS: "never" } });
  expect(wrong).toMatchObject({ code: 2, stdout: "" });
  expect(wrong.stderr).toMatch(/^podbus: [^\n]*PODBUS_STALL_MS "never"[^\n]*a duration such as[^\n]*\n$/);

  const address = uniqueAddress();
  await using quiet = startCli(["serve"], { env: { PODBUS_ADDRESS: address, PODBUS_LOG_LEVEL: "warn" } });
  expect(await runCli(["ping", "--address", address, "--connect-timeout", "10s"])).toMatchObject({ code: 0 });
  expect(await quiet.stop()).toMatchObject({ code: 0, stdout: "", stderr: "" });
});

test("listens on a file-system socket, and removes it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "podbus-cli-"));
  try {
    const address = join(folder, "bus.sock");
    await using broker = await startBroker({ address });
    expect(await runCli(["ping"], { env: broker.env })).toMatchObject({ code: 0 });
    expect(await broker.stop()).toMatchObject({ code: 0 });
    expect(existsSync(address)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("ends with the one who started it, where it is told to", async () => {
  await using broker = await startBroker({ args: ["--with-parent"], input: null });
  broker.process.end();
  expect(await broker.process.ended).toMatchObject({ code: 0 });
});

describe("a data directory", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "podbus-data-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("keeps durable queues and retained values over the broker's end, under a memory limit", async () => {
    const data = join(folder, "made", "by", "it");
    let address: string;
    {
      await using broker = await startBroker({ args: ["--data", data, "--memory-limit", "64MiB"] });
      ({ address } = broker);
      const { env } = broker;
      expect((await runCli(["stats", "--json"], { env })).stdout).toContain(`"memoryLimitBytes":${64 * 1024 * 1024}`);
      expect(await runCli(["pub", "kept.a", "1", "--retain", "--confirm"], { env })).toMatchObject({ code: 0 });
      await using member = startCli(["sub", "jobs.>", "--queue", "jobs", "--ack", "--durable"], { env });
      expect(await runCli(["wait", "jobs.a"], { env })).toMatchObject({ code: 0 });
      await member.stop("SIGINT");
      expect(await runCli(["pub", "jobs.a", "7", "--confirm"], { env })).toMatchObject({ code: 0 });
      await broker.stop("SIGKILL");
    }
    const env = { PODBUS_ADDRESS: address, PODBUS_DATA: data, PODBUS_MEMORY_LIMIT: "32MiB" };
    await using broker = await startBroker({ address, env });
    expect((await runCli(["sub", "kept.>", "--count", "1"], { env: broker.env })).stdout).toBe("kept.a 1\n");
    const job = ["sub", "jobs.>", "--queue", "jobs", "--ack", "--count", "1"];
    expect((await runCli(job, { env: broker.env })).stdout).toBe("jobs.a 7\n");
    expect((await runCli(["stats", "--json"], { env })).stdout).toContain(`"memoryLimitBytes":${32 * 1024 * 1024}`);
    expect(await runCli(["stats", "--check"], { env })).toMatchObject({ code: 0 });
  });

  test("is one broker's: a second is refused, or waits for it", async () => {
    await using broker = await startBroker({ args: ["--data", folder] });
    const address = uniqueAddress();
    const refused = await runCli(["serve", "--address", address, "--data", folder]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^podbus: [^\n]*in use by another broker[^\n]*--wait\n$/);
    expect(refused.stderr).toContain(folder);

    await using next = startCli(["serve", "--address", address, "--data", folder, "--wait"]);
    await next.untilPrinted("waiting until the address and the data directory are free");
    await using ended = startCli(["serve", "--address", uniqueAddress(), "--data", folder, "--wait"]);
    await ended.untilPrinted("waiting until");
    expect(await ended.stop("SIGTERM")).toMatchObject({ code: 0, stderr: "" });
    await broker.stop("SIGKILL");
    await untilListening(next);
    expect(await runCli(["ping", "--address", address])).toMatchObject({ code: 0 });
  });

  test.each([
    [
      "is a file",
      (path: string) => writeFileSync(path, "not a folder"),
      /can't be used: \S+data is a file, not a folder; make it a folder that the broker may write/,
    ],
    [
      "holds something else",
      (path: string) => {
        mkdirSync(path);
        writeFileSync(join(path, "data.mdb"), "not a database".repeat(1000));
      },
      /is damaged: [^\n]+; restore it, or give another/,
    ],
  ])("that %s is told in a line", async (_, make, told) => {
    const path = join(folder, "data");
    make(path);
    const { code, stdout, stderr } = await runCli(["serve", "--address", uniqueAddress(), "--data", path]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^podbus: [^\n]*\n$/);
    expect(stderr).toMatch(told);
    expect(stderr).toContain(path);
    const below = await runCli(["serve", "--address", uniqueAddress(), "--data", join(path, "data.mdb", "below")]);
    expect(below.code).toBe(1);
    expect(below.stderr).toMatch(/^podbus: [^\n]*data(\/data\.mdb)? is a file, not a folder; [^\n]*\n$/);
  });
});

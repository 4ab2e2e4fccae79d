import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

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
  expect(wrong.stderr).toMatch(/^podbus: [^\n]*'PODBUS_STALL_MS'[^\n]*a duration such as[^\n]*\n$/);

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

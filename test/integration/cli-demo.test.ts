import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { eventually, runCli, startBroker, startCli } from "../support/processes.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "podbus-demo-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const hasSocketOf = (pid: number): boolean => readFileSync("/proc/net/unix", "utf8").includes(`@podbus-demo-${pid}`);

/** Enough that the demo is still at it when the test has seen it begin. */
function fill(files: number): void {
  for (let i = 0; i < files; i++) {
    writeFileSync(join(folder, `big${i}.bin`), "");
    truncateSync(join(folder, `big${i}.bin`), 64 * 1024 * 1024);
  }
}

test("moves every file, odd ones too, and says so", async () => {
  mkdirSync(join(folder, "deep", "empty"), { recursive: true });
  writeFileSync(join(folder, "empty.txt"), "");
  writeFileSync(join(folder, "exact.bin"), Buffer.alloc(256 * 1024, 1));
  writeFileSync(join(folder, "deep", "parts.bin"), Buffer.alloc(1024 * 1024 + 1, 2));
  writeFileSync(join(folder, "deep", "no ending"), "x");
  writeFileSync(join(folder, "deep", "strange.*>"), "y");
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x0a])]), "z");
  for (let i = 0; i < 500; i++) writeFileSync(join(folder, `small${i}.js`), `module.exports = ${i};\n`);
  symlinkSync("empty.txt", join(folder, "link"));
  symlinkSync("nowhere", join(folder, "dangling"));
  symlinkSync(folder, join(folder, "loop"));

  const { code, stdout, stderr } = await runCli(["demo", folder]);
  expect(stdout).toMatch(/^files {4}506 verified by SHA-256, 1\.3 MiB in 510 parts of at most 256 KiB\n/);
  expect(stdout).toMatch(/^workers {2}1: .* 2: .* 3: /m);
  expect(stdout).toContain("left out 3 symbolic links\n");
  expect(stdout).toMatch(/^lost {5}nothing/m);
  expect(stderr).toMatch(/^moving 506 files.*\n100 % {2}506 of 506 files checked/);
  expect(code).toBe(0);
});

test("tells the outcome as JSON", async () => {
  writeFileSync(join(folder, "a.js"), "12345");
  const { code, stdout } = await runCli(["demo", "--json", folder]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    files: 1,
    filesInAll: 1,
    bytes: 5,
    parts: 1,
    lostParts: 0,
    wrong: [],
    missing: [],
  });
});

test("a folder that is not there is one line", async () => {
  const { code, stdout, stderr } = await runCli(["demo", join(folder, "gone")]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/^podbus: there is no folder [^\n]*\n$/);
});

test("a folder in which nothing is to be moved is one line, and no success", async () => {
  const { code, stdout, stderr } = await runCli(["demo", folder]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toBe(`podbus: there is no file below ${folder}; give a folder whose files are to be moved\n`);
  symlinkSync("/etc/passwd", join(folder, "link"));
  const links = await runCli(["demo", folder, "--json"]);
  expect(links.code).toBe(2);
  expect(links.stderr).toContain(`there is no file below ${folder} (left out: 1 symbolic link); give`);
});

test("a file that changes meanwhile is named, and is no loss", async () => {
  fill(4);
  writeFileSync(join(folder, "log.txt"), "begun\n");
  await using demo = startCli(["demo", folder]);
  // It has been listed, with its size, by the time that this is said.
  await demo.until((_, stderr) => stderr.startsWith("moving"));
  appendFileSync(join(folder, "log.txt"), "and gone on\n");
  const { code, stdout } = await demo.ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/5 verified|changed {2}while it was read: 1 file: .*log\.txt/);
});

test.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)("no process outlives it after %s", async (signal) => {
  fill(40);
  await using demo = startCli(["demo", folder]);
  await demo.until((_, stderr) => stderr.startsWith("moving"));
  await eventually(() => hasSocketOf(demo.pid));
  const { code } = await demo.stop(signal);
  expect(code).toBe({ SIGINT: 130, SIGTERM: 143, SIGKILL: null }[signal]);
  await eventually(() => !hasSocketOf(demo.pid));
});

test("joins a broker and workers that others started, which end with it where they are to", async () => {
  for (let i = 0; i < 50; i++) writeFileSync(join(folder, `small${i}.js`), `module.exports = ${i};\n`);
  await using broker = await startBroker();
  const { env } = broker;
  await using stays = startCli(["demo-worker", "2"], { env });
  for (let round = 1; round <= 2; round++) {
    await using once = startCli(["demo-worker", "1", "--once"], { env });
    const { code, stdout, stderr } = await runCli(["demo", "--join", "2", "--json", folder], { env });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`through ${broker.address}: broker, producer and 2 workers that joined\n`);
    const { files, parts, shares } = JSON.parse(stdout) as { files: number; parts: number; shares: unknown[] };
    expect({ files, parts, shares: shares.length }).toEqual({ files: 50, parts: 50, shares: 2 });
    expect(await once.ended).toMatchObject({ code: 0, stderr: "" });
  }
  expect(await stays.stop()).toMatchObject({ code: 0, stderr: "" });
});

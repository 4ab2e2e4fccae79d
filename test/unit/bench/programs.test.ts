import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { find, whyNot } from "../../../bench/programs.ts";

const folder: string = mkdtempSync(join(tmpdir(), "podbus-programs-"));
const NAME = "podbus-test-peer";
const needs = { name: NAME, package: "peer-package" };

beforeAll(() => {
  writeFileSync(join(folder, NAME), "");
  writeFileSync(join(folder, "podbus-test-text"), "");
  chmodSync(join(folder, NAME), 0o755);
});

afterAll(() => rmSync(folder, { recursive: true }));

test("a program is found on the path, where it may be executed", () => {
  expect(find(NAME, `/nowhere:${folder}`)).toBe(join(folder, NAME));
  expect(find("podbus-test-text", folder)).toBeUndefined();
  expect(find(NAME, "/nowhere")).toBeUndefined();
});

test("a scenario says in one line what it lacks, and nothing where it lacks nothing", () => {
  expect(whyNot({ name: "peer", needs }, "/nowhere")).toBe(
    "peer is not measured: it needs podbus-test-peer (apt-get install peer-package)",
  );
  expect(whyNot({ name: "peer", needs }, folder)).toBeUndefined();
  expect(whyNot({ name: "128B" }, "/nowhere")).toBeUndefined();
});

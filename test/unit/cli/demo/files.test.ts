import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { findFiles, hasChanged, type LeftOut, PartReader } from "../../../../cli/demo/files.ts";
import { PART_BYTES } from "../../../../cli/demo/wire.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "podbus-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const noneLeftOut = (): LeftOut => ({ links: 0, special: 0, unreadableFolders: 0 });

test("finds the regular files, whatever their names, and counts what is none", () => {
  mkdirSync(join(folder, "sub", "empty"), { recursive: true });
  writeFileSync(join(folder, "a.js"), "12345");
  writeFileSync(join(folder, "sub", ".hidden"), "");
  const strange = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x0a, 0x20])]);
  writeFileSync(strange, "x");
  symlinkSync("a.js", join(folder, "link"));
  symlinkSync(folder, join(folder, "loop"));
  const leftOut = noneLeftOut();
  const found = [...findFiles(Buffer.from(folder), leftOut)];
  const byPath = found.map(({ path, bytes }) => [path.toString("latin1"), bytes]).sort();
  const expected = [
    [`${folder}/a.js`, 5],
    [`${folder}/sub/.hidden`, 0],
    [strange.toString("latin1"), 1],
  ].sort();
  expect(byPath).toEqual(expected);
  expect(leftOut).toEqual({ links: 2, special: 0, unreadableFolders: 0 });
});

test("a folder that is gone is counted", () => {
  const leftOut = noneLeftOut();
  expect([...findFiles(Buffer.from(join(folder, "gone")), leftOut)]).toEqual([]);
  expect(leftOut.unreadableFolders).toBe(1);
});

function sizesOf(path: string): number[] {
  const reader = new PartReader();
  const sizes: number[] = [];
  expect(reader.open(Buffer.from(path))).toBe(true);
  for (let part = reader.next(); part !== undefined; part = reader.next()) sizes.push(part.length);
  reader.close();
  return sizes;
}

test.each([
  [0, [0]],
  [1, [1]],
  [PART_BYTES, [PART_BYTES]],
  [PART_BYTES + 1, [PART_BYTES, 1]],
  [3 * PART_BYTES, [PART_BYTES, PART_BYTES, PART_BYTES]],
])("a file of %d bytes has parts %j", (bytes, sizes) => {
  const path = join(folder, "file");
  writeFileSync(path, "");
  truncateSync(path, bytes);
  expect(sizesOf(path)).toEqual(sizes);
});

test("what is no regular file is not opened", () => {
  symlinkSync("/etc/passwd", join(folder, "link"));
  const reader = new PartReader();
  for (const name of ["link", "gone", "."]) expect(reader.open(Buffer.from(join(folder, name)))).toBe(false);
});

test("a file that changed is told from one that did not", () => {
  const path = join(folder, "file");
  writeFileSync(path, "one");
  const [file] = [...findFiles(Buffer.from(folder), noneLeftOut())];
  expect(hasChanged(file!)).toBe(false);
  chmodSync(path, 0o600);
  writeFileSync(path, "longer");
  expect(hasChanged(file!)).toBe(true);
  rmSync(path);
  expect(hasChanged(file!)).toBe(true);
});

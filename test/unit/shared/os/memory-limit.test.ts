import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, describe, expect, test } from "vitest";

import { containerMemoryLimit } from "../../../../shared/os/memory-limit.ts";

const MIB = 1024 * 1024;
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A system whose cgroup files are `files`, to a process that is in `self`. */
function limitOf(self: string, files: Record<string, string>): number | undefined {
  const root = mkdtempSync(join(tmpdir(), "podbus-test-"));
  folders.push(root);
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  };
  for (const [name, text] of Object.entries(files)) write(`cgroup/${name}`, text);
  write("self", self);
  return containerMemoryLimit(join(root, "cgroup"), join(root, "self"));
}

describe("version 2", () => {
  test("in a namespace of its own, as containers have it, and on a host, where the smallest above counts", () => {
    expect(limitOf("0::/\n", { "memory.max": `${64 * MIB}\n` })).toBe(64 * MIB);
    const files = { "a/memory.max": `${32 * MIB}\n`, "a/b/memory.max": "max\n", "a/b/c/memory.max": `${48 * MIB}\n` };
    expect(limitOf("0::/a/b/c\n", files)).toBe(32 * MIB);
    expect(limitOf("0::/a/b/c\n", { ...files, "a/b/c/memory.max": `${16 * MIB}\n` })).toBe(16 * MIB);
  });

  test("without a limit, or without files", () => {
    expect(limitOf("0::/\n", { "memory.max": "max\n" })).toBeUndefined();
    expect(limitOf("0::/a\n", {})).toBeUndefined();
  });
});

describe("version 1", () => {
  const self = "12:pids:/x\n5:cpu,memory:/docker/abc\n1:name=systemd:/y\n";

  test("of the host's path where that is there, and of the root, which is the container's own", () => {
    const own = { "memory/memory.limit_in_bytes": `${128 * MIB}\n` };
    expect(limitOf(self, own)).toBe(128 * MIB);
    expect(limitOf(self, { ...own, "memory/docker/abc/memory.limit_in_bytes": `${96 * MIB}\n` })).toBe(96 * MIB);
    expect(limitOf(self, { "memory/x/memory.limit_in_bytes": `${MIB}\n` })).toBeUndefined();
  });

  test("a number near 2^63 is none", () => {
    expect(limitOf(self, { "memory/memory.limit_in_bytes": "9223372036854771712\n" })).toBeUndefined();
  });
});

test("where nothing can be read there is none", () => {
  expect(containerMemoryLimit("/nowhere", "/nowhere/self")).toBeUndefined();
});

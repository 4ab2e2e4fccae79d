import { expect, test } from "vitest";

import { defaultMemoryLimit } from "../../../broker/memory-limit.ts";

const MIB = 1024 * 1024;

test("half of the container's limit, at most that less 96 MiB, and never nothing", () => {
  expect(defaultMemoryLimit(1024 * MIB)).toBe(512 * MIB);
  expect(defaultMemoryLimit(192 * MIB)).toBe(96 * MIB);
  expect(defaultMemoryLimit(128 * MIB)).toBe(32 * MIB);
  expect(defaultMemoryLimit(64 * MIB)).toBe(4 * MIB);
});

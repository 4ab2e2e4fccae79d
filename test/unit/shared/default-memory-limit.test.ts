import { expect, test } from "vitest";

import { defaultMemoryLimit } from "../../../shared/default-memory-limit.ts";

const MIB = 1024 * 1024;

test.each([
  [undefined, 256],
  [1024, 512],
  [192, 96],
  [128, 32],
  [100, 4],
  [16, 4],
])("a container of %s MiB: %s MiB", (container, limit) => {
  expect(defaultMemoryLimit(container === undefined ? undefined : container * MIB)).toBe(limit * MIB);
});

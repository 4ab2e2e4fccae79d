import { expect, test } from "vitest";

import { parseNumber, shownAs } from "../../../cli/numbers.ts";

test("is read by its kind", () => {
  expect(parseNumber({ kind: "size", minimum: 1 }, "1MiB")).toBe(1_048_576);
  expect(parseNumber({ kind: "duration", minimum: 0 }, "2m")).toBe(120_000);
  expect(parseNumber({ kind: "count", minimum: 0 }, "0")).toBe(0);
  expect(shownAs({ kind: "count", minimum: 0 })).toBe("n");
});

test.each([
  [{ kind: "size", minimum: 1 }, "much", "expected a size such as"],
  [{ kind: "duration", minimum: 0 }, "soon", "expected a duration such as"],
  [{ kind: "count", minimum: 0 }, "1k", "expected a whole number"],
  [{ kind: "count", minimum: 1 }, "0", "expected 1 or more"],
] as const)("%j: what %s should have been is told", (kind, text, told) => {
  expect(() => parseNumber(kind, text)).toThrow(told);
});

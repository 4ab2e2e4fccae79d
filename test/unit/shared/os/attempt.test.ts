import { expect, test } from "vitest";

import { attempt, readText } from "../../../../shared/os/attempt.ts";

test("what can't be looked at is undefined, and what can is what it is", () => {
  expect(attempt(() => 0)).toBe(0);
  expect(
    attempt(() => {
      throw new Error("hidden");
    }),
  ).toBeUndefined();
});

test("a file's text, or nothing", () => {
  expect(readText("/proc/self/comm")).not.toBe("");
  expect(readText("/proc/self/none")).toBe("");
  expect(readText("/proc")).toBe("");
});

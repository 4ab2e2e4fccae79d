import { expect, test } from "vitest";

import { digest } from "../../../shared/digest.ts";

test("a long text gets a short name, the same each time, and another where one unit differs", () => {
  const text = "x".repeat(100_000);
  expect(digest(text)).toBe(digest(text));
  expect(digest(text).length).toBeLessThan(50);
  const names = new Set(Array.from({ length: 20_000 }, (_, i) => digest(`${text.slice(0, 200)}${i}`)));
  expect(names.size).toBe(20_000);
});

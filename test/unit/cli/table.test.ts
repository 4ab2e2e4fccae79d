import { expect, test } from "vitest";

import { table } from "../../../cli/table.ts";

test("columns are as wide as their widest cell, and lines end where they end", () => {
  expect(
    table([
      ["A", "BB", "C"],
      ["long", "", "x"],
      ["y", "z"],
    ]),
  ).toBe("A     BB  C\nlong      x\ny     z\n");
  expect(table([])).toBe("");
});

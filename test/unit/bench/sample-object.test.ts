import { expect, test } from "vitest";

import { isObject, makeObject, marksOfObject } from "../../../bench/sample-object.ts";
import { FIRST, LAST } from "../../../bench/stamp.ts";

test.each([0, 1, 4095, 4096, 1_000_000])("object %i is itself, and no other", (number) => {
  const object = makeObject(number, 0);
  expect(Object.keys(object)).toHaveLength(10);
  expect(isObject(object, number)).toBe(true);
  expect(isObject(object, number + 1)).toBe(false);
  for (const key of Object.keys(object)) expect(isObject({ ...object, [key]: "?" }, number), key).toBe(false);
});

test("its marks come back", () => {
  for (const marks of [0, FIRST, LAST]) expect(marksOfObject(makeObject(5, marks))).toBe(marks);
});

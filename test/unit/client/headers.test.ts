import { expect, test } from "vitest";

import { headersProblem } from "../../../client/headers.ts";
import type { Headers } from "../../../shared/codec/value.ts";

test("scalars may stand in headers", () => {
  const headers = { a: "x", b: 1.5, c: 2n ** 63n, d: true, e: null, f: Buffer.from("x"), g: undefined, h: new Date(0) };
  expect(headersProblem(headers as unknown as Headers)).toBeUndefined();
  expect(headersProblem({})).toBeUndefined();
});

test.each([
  ["a structure", { a: {} }, /^the header "a" must be text.*not a structure$/],
  ["a list", { a: [1] }, /not a structure$/],
  ["a function", { a: () => 1 }, /not a function$/],
  ["text in place of headers", "x", /^headers must be an object/],
  ["null", null, /^headers must be/],
  ["a list of them", [["a", 1]], /^headers must be/],
  ["bytes", Buffer.from("x"), /^headers must be/],
])("refused: %s", (_what, headers, message) => {
  const problem = headersProblem(headers as never);
  expect(problem).toMatchObject({ code: "bad_payload" });
  expect(problem!.message).toMatch(message);
});

import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";

import { codeOf, messageOf } from "../../../client/thrown.ts";

const evil = {
  get message(): string {
    throw new Error("no");
  },
  get code(): string {
    throw new Error("no");
  },
};

test.each([
  [Object.assign(new Error("an error"), { code: "E" }), "an error", "E"],
  [runInNewContext("new TypeError('of another realm')"), "of another realm", undefined],
  [{ message: "an object", code: 5 }, "an object", undefined],
  ["text", "text", undefined],
  [undefined, "undefined", undefined],
  [null, "null", undefined],
  [Symbol("s"), "Symbol(s)", undefined],
  [Object.create(null), "it threw what has no text", undefined],
  [evil, "it threw what has no text", undefined],
])("%#", (thrown, message, code) => {
  expect(messageOf(thrown)).toBe(message);
  expect(codeOf(thrown)).toBe(code);
});

import { expect, test } from "vitest";

import { CommandFailure, errorLine, exitCodeOf, UsageError } from "../../../cli/usage.ts";
import { PodbusError } from "../../../shared/errors.ts";

test("an error is one line, whatever it holds", () => {
  expect(errorLine(new Error("first\n  second\u001B[2J\n"))).toBe("podbus: first; second\\x1b[2J");
  expect(errorLine("text")).toBe("podbus: text");
});

test("wrong usage exits with 2, failure with 1", () => {
  expect(exitCodeOf(new UsageError("x"))).toBe(2);
  expect(exitCodeOf(new PodbusError("bad_pattern", "x"))).toBe(2);
  expect(exitCodeOf(new PodbusError("no_responders", "x"))).toBe(1);
  expect(exitCodeOf(new CommandFailure("x"))).toBe(1);
  expect(exitCodeOf(new CommandFailure("x", { exitCode: 3 }))).toBe(3);
  expect(exitCodeOf("x")).toBe(1);
});

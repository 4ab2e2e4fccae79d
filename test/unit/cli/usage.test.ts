import { expect, test } from "vitest";

import { type Command, CommanderError, Option } from "commander";

import { countOption, newCommand, topicArgument } from "../../../cli/command.ts";
import { CommandFailure, errorLine, exitCodeOf, UsageError, usageOf } from "../../../cli/usage.ts";
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

test.each([
  [["a", "--count"], "--count needs a value: --count <n>"],
  [["a", "--count", "it's"], '--count "it\'s": expected a whole number from 1 up'],
  [["a", "--how", "loud"], '--how "loud": expected one of low, high'],
  [
    ["a..b"],
    'topic "a..b": a topic must be tokens joined by ".", none of them empty, but "a..b" has an empty one at byte 2',
  ],
  [[], "<topic> is missing"],
  [["a", "b"], "too many arguments: expected 1, but got 2"],
  [["a", "--conut", "1"], 'there is no option "--conut" (did you mean --count?)'],
])("what commander says of %j is said as all else is", (args, told) => {
  expect(usageFor(args)).toBe(`${told}; see podbus sub --help`);
});

test("and so of a variable", () => {
  process.env["PODBUS_TEST_COUNT"] = "none";
  try {
    expect(usageFor(["a"])).toBe('PODBUS_TEST_COUNT "none": expected a whole number from 1 up; see podbus sub --help');
  } finally {
    delete process.env["PODBUS_TEST_COUNT"];
  }
});

function usageFor(args: string[]): string {
  const command: Command = newCommand("sub", "", [{ line: "", what: "" }])
    .argument("<topic>", "", topicArgument)
    .addOption(new Option("--count <n>").env("PODBUS_TEST_COUNT").argParser(countOption()))
    .addOption(new Option("--how <way>").choices(["low", "high"]));
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return usageOf(error.message, "sub").message;
    throw error;
  }
  throw new Error("it was taken");
}

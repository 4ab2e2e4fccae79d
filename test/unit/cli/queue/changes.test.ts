import { expect, test } from "vitest";

import { changesOf } from "../../../../cli/queue/changes.ts";
import { UsageError } from "../../../../cli/usage.ts";
import { CHANGEABLE } from "../../../../broker/core/queue-options.ts";

test("numbers have their units, text is as it is", () => {
  expect(
    changesOf(["maxMessages=10", "maxBytes=1MiB", "ackTimeoutMs=2m", "dedupeMs=0", "overflow=block", "deadLetter=d.a"]),
  ).toEqual({
    maxMessages: 10,
    maxBytes: 1_048_576,
    ackTimeoutMs: 120_000,
    dedupeMs: 0,
    overflow: "block",
    deadLetter: "d.a",
  });
});

test("the dead letters' topic can be taken away", () => {
  expect(changesOf(["deadLetter="])).toEqual({ deadLetter: false });
});

test.each([
  ["maxMessages", "expected OPTION=VALUE, not maxMessages"],
  ["=1", "expected OPTION=VALUE"],
  ["keep=true", "keep can't be changed while a queue lives; what can is maxMessages, maxBytes"],
  ["constructor=1", "constructor can't be changed"],
  ["maxMessages=", "maxMessages needs a value"],
  ["maxMessages=0", "maxMessages=0 is invalid: expected 1 or more"],
  ["maxBytes=much", "maxBytes=much is invalid: expected a size such as"],
  ["ackTimeoutMs=soon", "expected a duration such as"],
])("%s is wrong usage, told in words", (text, told) => {
  expect(() => changesOf([text])).toThrow(UsageError);
  expect(() => changesOf([text])).toThrow(told);
});

test("what the broker can change can be changed here", () => {
  const values: Record<string, string> = { overflow: "block", deadLetter: "dead" };
  for (const name of CHANGEABLE) expect(changesOf([`${name}=${values[name] ?? "1"}`])).toHaveProperty(name);
});

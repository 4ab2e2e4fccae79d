import { expect, test } from "vitest";

import { newCommand } from "../../../../cli/command.ts";
import { type HeaderOptions, headersOf, withHeaders } from "../../../../cli/pub/headers.ts";

function parse(line: string): Record<string, unknown> | undefined {
  const command = withHeaders(newCommand("pub", "", [{ line: "", what: "" }]));
  command.parse(
    line.split(" ").filter((arg) => arg !== ""),
    { from: "user" },
  );
  return headersOf(command.opts<HeaderOptions>());
}

test("are those that queues heed, and any other", () => {
  expect(parse("--key 7 --id a-1 --ttl 1m --delay 1500 --header who=me --header n=7")).toEqual({
    key: "7",
    id: "a-1",
    ttlMs: 60_000,
    delayMs: 1500,
    who: "me",
    n: 7,
  });
});

test("are none where none are given", () => {
  expect(parse("")).toBeUndefined();
  expect(parse("--delay 0")).toEqual({ delayMs: 0 });
});

test("are checked", () => {
  expect(() => parse("--ttl soon")).toThrow("a duration such as");
});

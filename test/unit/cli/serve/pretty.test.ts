import { expect, test } from "vitest";

import { prettyLine } from "../../../../cli/serve/pretty.ts";

const line = (fields: object): string => JSON.stringify({ level: "info", time: 0, msg: "listening", ...fields });

test("time, message and fields", () => {
  expect(prettyLine(line({ address: "@podbus", pid: 7, name: "a b" }))).toMatch(
    /^\d\d:\d\d:\d\d listening address=@podbus pid=7 name="a b"$/,
  );
});

test("the level where it is not the usual one", () => {
  expect(prettyLine(line({ level: "warn", msg: "stalled" }))).toMatch(/^\S+ WARN stalled$/);
});

test("what a client chose can't steer the terminal", () => {
  expect(prettyLine(line({ name: "\u001B[2J\n", topic: "\u009B" }))).toMatch(/^[\u0020-\u007E]*$/);
});

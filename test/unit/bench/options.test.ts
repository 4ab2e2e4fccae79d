import { describe, expect, test } from "vitest";

import { HELP, parseOptions, UsageError } from "../../../bench/options.ts";
import type { Scenario } from "../../../bench/scenarios/scenario.ts";

const none = async (): Promise<Record<string, number>> => ({});
const all: readonly Scenario[] = ["128B", "queue", "start"].map((name) => ({
  name,
  what: `what ${name} is`,
  metrics: [],
  base: { name: "relay", measure: none },
  bus: none,
}));

describe("the command line", () => {
  test("is five runs of two seconds of everything, if nothing else is said", () => {
    expect(parseOptions([], all)).toEqual({
      scenarios: all,
      areNamed: false,
      runs: 5,
      seconds: 2,
      jsonFile: undefined,
      profileFolder: undefined,
    });
  });

  test("is taken at its word", () => {
    const args = ["--only", "start,128B", "--runs", "3", "--seconds", "0.5", "--json", "a.json", "--profile", "b"];
    expect(parseOptions(args, all)).toEqual({
      scenarios: [all[0], all[2]],
      areNamed: true,
      runs: 3,
      seconds: 0.5,
      jsonFile: "a.json",
      profileFolder: "b",
    });
  });

  test("--quick is one short run, of which the rest can be said all the same", () => {
    expect(parseOptions(["--quick"], all)).toMatchObject({ runs: 1, seconds: 0.5 });
    expect(parseOptions(["--quick", "--runs", "2"], all)).toMatchObject({ runs: 2, seconds: 0.5 });
  });

  test("--list and --help print", () => {
    expect(parseOptions(["--list"], all)).toBe("128B   what 128B is\nqueue  what queue is\nstart  what start is\n");
    expect(parseOptions(["--help"], all)).toBe(HELP);
  });

  test.each([
    [["--only", "128B,64B"], 'there is no scenario "64B"; --list shows them'],
    [["--runs", "0"], '--runs must be a number above 0, but this is "0"'],
    [["--runs", "1.5"], '--runs must be a number above 0, but this is "1.5"'],
    [["--seconds", "fast"], '--seconds must be a number above 0, but this is "fast"'],
    [["--seconds", "Infinity"], '--seconds must be a number above 0, but this is "Infinity"'],
  ])("refuses %j", (args, message) => {
    expect(() => parseOptions(args, all)).toThrow(new UsageError(message));
  });

  test("refuses what it does not know, in one line", () => {
    expect(() => parseOptions(["--fast"], all)).toThrow(/^[^\n]*--fast[^\n]*; see --help$/);
    expect(() => parseOptions(["fast"], all)).toThrow(UsageError);
  });
});

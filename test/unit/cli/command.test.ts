import { CommanderError, type Command } from "commander";
import { describe, expect, test } from "vitest";

import {
  countOption,
  headerOption,
  newCommand,
  patternArguments,
  topicArgument,
  withConnection,
} from "../../../cli/command.ts";

function command(): Command {
  return withConnection(newCommand("try", "Tries.", [{ line: "podbus try a.b", what: "an example" }]))
    .argument("<topic>", "a topic", topicArgument)
    .argument("[patterns...]", "patterns", patternArguments)
    .option("--count <n>", "a count", countOption())
    .option("--header <key=value>", "a header", headerOption);
}

const parse = (...args: string[]): Command => command().parse(args, { from: "user" });

describe("what all commands share", () => {
  test("has defaults", () => {
    expect(parse("a.b").opts()).toEqual({ address: "@podbus", name: "podbus try", connectTimeout: 1000 });
  });

  test("is read and checked", () => {
    const { address, name, connectTimeout } = parse(
      "a",
      "--address",
      "./x.sock",
      "--name",
      "n",
      "--connect-timeout",
      "2s",
    ).opts();
    expect([address, name, connectTimeout]).toEqual(["./x.sock", "n", 2000]);
  });

  test.each([
    ["an address of no kind", ["a", "--address", "podbus"], /write @podbus or \.\/podbus/],
    ["an empty name", ["a", "--name", ""], /1 to 64 bytes/],
    ["a duration that is none", ["a", "--connect-timeout", "soon"], /a duration such as/],
    ["a topic with a wildcard", ["a.*"], /must hold no "\*"/],
    ["a pattern that is none", ["a", "b.>.c"], /whole last token/],
    ["a count below 1", ["a", "--count", "0"], /from 1 up/],
    ["a header without a value", ["a", "--header", "x"], /KEY=VALUE/],
    ["an option that there is not", ["a", "--conut", "1"], /unknown option '--conut'/],
    ["too few arguments", [], /missing required argument 'topic'/],
  ])("refuses %s", (_, args, message) => {
    expect(() => parse(...args)).toThrow(CommanderError);
    expect(() => parse(...args)).toThrow(message);
  });

  test("shows examples under its help", () => {
    let help = "";
    const shown = command().configureOutput({ writeOut: (text) => (help += text) });
    expect(() => shown.parse(["--help"], { from: "user" })).toThrow(CommanderError);
    expect(help).toContain("Usage: podbus try [options] <topic> [patterns...]");
    expect(help).toContain("podbus try a.b  # an example");
  });
});

test("headers repeat, and numbers, true and false are themselves", () => {
  const { header } = parse(
    "a",
    "--header",
    "id=7",
    "--header",
    "v=1.10",
    "--header",
    "t=true",
    "--header",
    "q=a=b",
    "--header",
    "e=",
  ).opts();
  expect(header).toEqual({ id: 7, v: "1.10", t: true, q: "a=b", e: "" });
});

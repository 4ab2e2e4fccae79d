import { describe, expect, test } from "vitest";

import { newCommand } from "../../../../cli/command.ts";
import { subscribeOptions, withSubscribeOptions } from "../../../../cli/sub/options.ts";
import type { SubscribeOptions } from "../../../../client/index.ts";

function parse(line: string): SubscribeOptions {
  const command = withSubscribeOptions(newCommand("sub", "", [{ line: "", what: "" }]));
  command.parse(
    line.split(" ").filter((arg) => arg !== ""),
    { from: "user" },
  );
  return subscribeOptions(command);
}

describe("options of sub", () => {
  test("leave to the broker what they are not told", () => {
    expect(parse("")).toEqual({});
  });

  test("are those of a queue", () => {
    const flags = "--queue q --ack --keep --durable --prefetch 1 --ack-timeout 2m --max-attempts 0 --dedupe 1h";
    expect(parse(`${flags} --dead-letter dead.q --partition-by key`)).toEqual({
      queue: "q",
      ack: true,
      keep: true,
      durable: true,
      prefetch: 1,
      ackTimeoutMs: 120_000,
      maxAttempts: 0,
      dedupeMs: 3_600_000,
      deadLetter: "dead.q",
      partitionBy: "key",
    });
    expect(parse("--queue q --partition-by 2")).toEqual({ queue: "q", partitionBy: 2 });
  });

  test("are those of any subscription", () => {
    expect(parse("--overflow latest --max-messages 10 --max-bytes 1MiB --no-retained")).toEqual({
      overflow: "latest",
      maxMessages: 10,
      maxBytes: 1_048_576,
      retained: false,
    });
    expect(parse("--queue q --no-retained")).toEqual({ queue: "q" });
  });

  test.each([
    ["--ack", "--ack needs --queue NAME"],
    ["--durable", "--durable needs --queue NAME"],
    ["--ack-timeout 1s", "--ack-timeout needs --queue NAME"],
    ["--dead-letter d", "--dead-letter needs --queue NAME"],
    ["--partition-by key", "--partition-by needs --queue NAME"],
    ["--queue q --partition-by 0", "expected key"],
    ["--queue q --prefetch 0", "expected 1 or more"],
    ["--queue q --dead-letter a.*", 'must hold no "*"'],
    ["--queue a..b", "token"],
    ["--overflow never", "Allowed choices are block"],
  ])("refuses %s", (line, told) => {
    expect(() => parse(line)).toThrow(told);
  });
});

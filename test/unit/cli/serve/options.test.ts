import { CommanderError } from "commander";
import { afterEach, describe, expect, test } from "vitest";

import { newCommand } from "../../../../cli/command.ts";
import { type ServeOptions, serveOptions, withServeOptions } from "../../../../cli/serve/options.ts";

function parse(...args: string[]): ServeOptions {
  const command = withServeOptions(newCommand("serve", "", [{ line: "", what: "" }]));
  return serveOptions(command.parse(args, { from: "user" }));
}

afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("PODBUS_")) delete process.env[name];
});

describe("options of serve", () => {
  test("leave to the broker what they are not told", () => {
    expect(parse()).toEqual({ broker: { address: "@podbus", wait: false }, logLevel: "info", withParent: false });
  });

  test("are sizes, durations, counts and words", () => {
    const limits =
      "--max-frame 1MiB --headroom 65536 --max-connections 10 --max-retained 0 --grace-ms 2s --stall-ms 250";
    const { broker, logLevel } = parse("--address", "@", ...limits.split(" "), "--wait", "--log-level", "warn");
    expect(broker).toEqual({
      address: "@",
      maxFrame: 1_048_576,
      headroom: 65_536,
      maxConnections: 10,
      maxRetained: 0,
      graceMs: 2000,
      stallMs: 250,
      wait: true,
    });
    expect(logLevel).toBe("warn");
  });

  test("come from the environment, too, where the command line does not say", () => {
    Object.assign(process.env, {
      PODBUS_ADDRESS: "@env",
      PODBUS_MAX_FRAME: "2MiB",
      PODBUS_HEARTBEAT_MS: "5s",
      PODBUS_WAIT: "true",
      PODBUS_LOG_LEVEL: "error",
    });
    expect(parse("--max-frame", "1MiB")).toEqual({
      broker: { address: "@env", maxFrame: 1_048_576, heartbeatMs: 5000, wait: true },
      logLevel: "error",
      withParent: false,
    });
  });

  test.each([
    [["--max-frame", "big"], /a size such as/],
    [["--max-frame", "1"], /4096 or more/],
    [["--stall-ms", "8 days"], /a duration such as/],
    [["--max-connections", "0"], /1 or more/],
    [["--log-level", "loud"], /Allowed choices are debug, info, warn, error, silent/],
    [["--address", "podbus"], /write @podbus/],
    [["--wait=maybe"], /true or false/],
  ])("refuse %j", (args, message) => {
    expect(() => parse(...args)).toThrow(CommanderError);
    expect(() => parse(...args)).toThrow(message);
  });

  test("an environment variable that is wrong is named", () => {
    process.env["PODBUS_MAX_FRAME"] = "huge";
    expect(() => parse()).toThrow(/'PODBUS_MAX_FRAME'.*a size such as/);
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { runCli, startBroker, uniqueAddress } from "../support/processes.ts";

const COMMANDS = [
  "serve",
  "pub",
  "sub",
  "request",
  "respond",
  "ls",
  "ping",
  "wait",
  "stats",
  "check-config",
  "can",
  "demo",
];

describe("help", () => {
  test("lists every command, and is what a command line without one gets", async () => {
    const [asked, bare] = await Promise.all([runCli(["--help"]), runCli([])]);
    expect(asked).toMatchObject({ code: 0, stderr: "" });
    for (const command of COMMANDS) expect(asked.stdout).toMatch(new RegExp(`^  ${command} `, "m"));
    expect(bare).toMatchObject({ code: 2, stdout: "", stderr: asked.stdout });
  });

  test.each(COMMANDS)("of %s has examples", async (command) => {
    const { code, stdout, stderr } = await runCli([command, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Usage: podbus ${command}`);
    expect(stdout).toMatch(new RegExp(`Examples:\n.*podbus ${command}`));
  });

  test("the version is the package's", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(await runCli(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
  });
});

describe("wrong usage is one line, and exit 2", () => {
  test.each([
    [["frobnicate"], /there is no command "frobnicate"/],
    [["--frobnicate"], /there is no option "--frobnicate"/],
    [["constructor"], /there is no command/],
    [["sub"], /<pattern> is missing/],
    [["sub", "a", "--cuont", "1"], /there is no option "--cuont" \(did you mean --count\?\)/],
    [["sub", "a", "--count", "few"], /a whole number from 1 up/],
    [["sub", "a..b"], /none of them empty/],
    [["sub", "a", "--ack"], /--ack needs --queue/],
    [["sub", "a", "--raw", "--json"], /choose one/],
    [["sub", "a", "b", "--queue", "q"], /a queue has one pattern/],
    [["pub", "a.*", "x"], /must hold no "\*"/],
    [["pub", "$sys.x", "x"], /topics that begin with \$ are the broker's own: choose another/],
    [["pub", "a", "x", "--as", "json"], /not JSON/],
    [["pub", "a", "x", "--lines"], /leave out the DATA/],
    [["pub", "a", "--header", "x"], /KEY=VALUE/],
    [["request"], /<topic> is missing/],
    [["request", "a", "--timeout", "soon"], /a duration such as/],
    [["respond", "a"], /either DATA/],
    [["respond", "a", "--exec"], /needs a command/],
    [["respond", "a", "x", "--exec", "cat"], /either DATA/],
    [["ping", "extra"], /too many arguments/],
    [["ping", "--address", "podbus"], /write @podbus/],
    [["ping", "--address", `@${"x".repeat(108)}`], /at most 107 bytes/],
    [["wait", "a", "--for", "luck"], /expected one of any, responder/],
    [["serve", "--max-frame", "huge"], /a size such as/],
    [["demo"], /<dir> is missing/],
  ])("%j", async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^podbus: [^\n]*\n$/);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});

test("an empty variable is one that is not set", async () => {
  await using broker = await startBroker();
  const env = { PODBUS_ADDRESS: "", PODBUS_NAME: "" };
  const shown = await runCli(["ping", "--address", broker.address], { env });
  expect(shown).toMatchObject({ code: 0, stderr: "" });
});

describe("when nobody listens, one line names the address, the sockets that there are, and what to do", () => {
  test.each([
    [["pub", "a", "x"]],
    [["sub", "a"]],
    [["request", "a"]],
    [["respond", "a", "x"]],
    [["ping"]],
    [["wait", "a", "--timeout", "0"]],
    [["stats"]],
  ])("%j", async (args) => {
    // Not all that listen are named: this one comes first in the order in which they are.
    await using broker = await startBroker({ address: uniqueAddress().replace("@", "@!") });
    const address = uniqueAddress();
    const result = await runCli([...args, "--address", address, "--connect-timeout", "0"]);
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toMatch(/^podbus: [^\n]*\n$/);
    expect(result.stderr).toContain(address);
    expect(result.stderr).toContain(broker.address);
    expect(result.stderr).toContain("podbus serve");
  });
});

// Secrets and rules from the command line: serve, its clients, SIGHUP, check-config and can.

import { closeSync, openSync, readdirSync, readlinkSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { attempt } from "../../shared/os/attempt.ts";
import { type Libc, loadLibc, LOCK_EX_NB } from "../../shared/os/libc.ts";
import { Folder } from "../support/folder.ts";
import {
  type BrokerProcess,
  eventually,
  logLines,
  type Result,
  runCli,
  startBroker,
  startCli,
  uniqueAddress,
  untilListening,
} from "../support/processes.ts";

const COMMON = "the secret of everybody";
const BILLING = "the secret of billing";
const own = process.getuid!();

const RULES = `rules:
  - who: { identity: billing }
    publish: orders.>
    subscribe: [orders.>, mail.*]
  - who: any
    subscribe: public.>
`;
const NARROW = RULES.replace("[orders.>, mail.*]", "mail.*");

/** All that a broker logged under this message. */
function logged({ process: { stdout } }: BrokerProcess, message: string): Record<string, unknown>[] {
  return logLines(stdout).filter(({ msg }) => msg === message);
}

describe("serve --secret-file", () => {
  test("asks its clients for the secret, from an option or the environment, and logs who came without", async () => {
    using folder = new Folder({ common: `${COMMON}\n`, billing: BILLING });
    await using broker = await startBroker({ args: ["--secret-file", folder.path] });
    const { env } = broker;
    expect(await runCli(["ping", "--secret-file", folder.file("common")], { env })).toMatchObject({ code: 0 });
    // A probe in the broker's own container has the broker's own environment.
    const probe = { ...env, PODBUS_SECRET_FILE: folder.path };
    expect(await runCli(["ping", "--quiet"], { env: probe })).toMatchObject({ code: 0, stderr: "" });
    const { stdout } = await runCli(["stats", "--clients", "--name", "billing"], { env: probe });
    expect(stdout).toMatch(new RegExp(`^\\d+ +billing +billing +${own} +\\d+ +\\d+ `, "m"));

    const without = await runCli(["ping"], { env });
    expect(without).toMatchObject({ code: 1, stdout: "" });
    expect(without.stderr).toMatch(/^podbus: the broker asks for a secret[^\n]*PODBUS_SECRET_FILE\)\n$/);
    const wrong = await runCli(["ping", "--name", "billing", "--secret-file", folder.file("common")], { env });
    expect(wrong.stderr).toMatch(/^podbus: the proof is wrong or missing[^\n]*\n$/);
    const refused = await eventually(() => logLines(broker.process.stdout).find(({ code }) => code === "bad_auth"));
    expect(refused).toMatchObject({ level: "warn", name: "billing", uid: own });
    const { stdout: log, stderr } = await broker.stop();
    for (const secret of [COMMON, BILLING]) expect(log + stderr).not.toContain(secret);
  });

  test("a secret that can't be one is a line, and exit 2", async () => {
    using folder = new Folder({ secret: "short" });
    const { code, stderr } = await runCli(["serve", "--address", uniqueAddress()], {
      env: { PODBUS_SECRET_FILE: folder.file("secret") },
    });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(
        /^podbus: secretFile [^\n]*at least 16 bytes, and this 5; make one with: [^\n]*\n$/,
      ),
    });
  });
});

test("--broker-uid refuses a broker of another user", async () => {
  await using broker = await startBroker();
  expect(await runCli(["ping", "--broker-uid", String(own)], { env: broker.env })).toMatchObject({ code: 0 });
  const env = { ...broker.env, PODBUS_BROKER_UID: String(own + 1) };
  const refused = await runCli(["ping"], { env });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`uid ${own} listens there`);
});

test("--allow any without a secret is warned of", async () => {
  await using broker = await startBroker({ args: ["--allow", "any"] });
  await eventually(() => logLines(broker.process.stdout).some(({ msg }) => /everybody who reaches/.test(String(msg))));
});

describe("serve --rules", () => {
  const start = (folder: Folder): Promise<BrokerProcess> =>
    startBroker({ args: ["--secret-file", folder.path, "--rules", folder.file(".rules.yaml")] });
  const asBilling = (broker: BrokerProcess, folder: Folder): { env: Record<string, string> } => ({
    env: { ...broker.env, PODBUS_SECRET_FILE: folder.path, PODBUS_NAME: "billing" },
  });

  test("refuses what no rule permits, and says so", async () => {
    using folder = new Folder({ common: COMMON, billing: BILLING, ".rules.yaml": RULES });
    await using broker = await start(folder);
    const billing = asBilling(broker, folder);
    expect(await runCli(["pub", "orders.eu", "1"], billing)).toMatchObject({ code: 0 });
    const refused = await runCli(["pub", "mail.a", "1"], billing);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^podbus: [^\n]*no rule lets identity billing publish to "mail.a"[^\n]*\n$/);
    const nobody = await runCli(["pub", "orders.eu", "1", "--name", "somebody"], billing);
    expect(nobody.stderr).toContain(`no rule lets uid ${own} publish to "orders.eu"`);
    expect((await runCli(["stats"], billing)).stderr).toContain('no rule lets identity billing read "$sys.stats"');
    expect(await runCli(["ping", "--quiet"], billing)).toMatchObject({ code: 0 });
  });

  test("reads them anew on SIGHUP, also for those who are subscribed; bad ones change nothing", async () => {
    using folder = new Folder({ common: COMMON, billing: BILLING, ".rules.yaml": RULES });
    await using broker = await start(folder);
    const billing = asBilling(broker, folder);
    await using orders = startCli(["sub", "orders.>"], billing);
    await using mail = startCli(["sub", "mail.*"], billing);
    for (const topic of ["orders.eu", "mail.a"])
      expect(await runCli(["wait", topic], billing)).toMatchObject({ code: 0 });

    folder.write(".rules.yaml", "rules:\n  - who: everybody\n");
    broker.process.child.kill("SIGHUP");
    const failed = await eventually(() => logLines(broker.process.stdout).find(({ level }) => level === "error"));
    expect(failed["msg"]).toMatch(/^all stays as it was: .*\.rules\.yaml:2: rules\[0\]\.who: expected any/);
    expect(await runCli(["pub", "orders.eu", "1"], billing)).toMatchObject({ code: 0 });

    folder.write(".rules.yaml", NARROW);
    broker.process.child.kill("SIGHUP");
    const ended = await orders.ended;
    expect(ended.stdout).toBe("orders.eu 1\n");
    expect(ended.stderr).toContain('no rule lets identity billing subscribe to "orders.>"');
    expect(ended.code).toBe(1);
    expect(logged(broker, "secrets and rules read anew")).toHaveLength(1);
    expect(mail.child.exitCode).toBeNull();
  });

  test("a SIGHUP that comes before it listens is heard: what changed since they were read counts", async () => {
    using folder = new Folder({ "rules.yaml": "rules: []" });
    const rules = folder.file("rules.yaml");
    const address = folder.file("bus.sock");
    const lock = openSync(folder.path, "r");
    expect((loadLibc() as Libc).flock(lock, LOCK_EX_NB)).toBe(0);
    await using serve = startCli(["serve", "--address", address, "--rules", rules]);
    // It waits for the lock of its socket's folder, and has read the rules before.
    const fds = `/proc/${serve.pid}/fd`;
    const opened = (): (string | undefined)[] =>
      readdirSync(fds).map((fd) => attempt(() => readlinkSync(`${fds}/${fd}`)));
    await eventually(() => opened().includes(folder.path));
    folder.write("rules.yaml", "rules: [{ who: any, publish: mine }]");
    serve.child.kill("SIGHUP");
    closeSync(lock);
    await untilListening(serve);
    await eventually(() => logLines(serve.stdout).some(({ msg }) => msg === "secrets and rules read anew"));
    expect(await runCli(["pub", "mine", "1", "--address", address])).toMatchObject({ code: 0, stderr: "" });
  });

  test("of many that follow each other at once the last ones count", async () => {
    using folder = new Folder({ common: COMMON, billing: BILLING, ".rules.yaml": RULES });
    await using broker = await start(folder);
    for (let i = 1; i <= 20; i++) {
      folder.write(".rules.yaml", `rules: [{ who: { identity: billing }, publish: round.${i} }]`);
      broker.process.child.kill("SIGHUP");
    }
    const billing = asBilling(broker, folder);
    await eventually(async () => (await runCli(["pub", "round.20", "1"], billing)).code === 0);
    expect((await runCli(["pub", "round.19", "1"], billing)).stderr).toContain('publish to "round.19"');
  });

  test("that are wrong are a line, and nothing is started", async () => {
    using folder = new Folder({ "rules.yaml": "rules:\n  - who: any\n    publsh: a\n" });
    const { code, stdout, stderr } = await runCli(["serve", "--address", uniqueAddress()], {
      env: { PODBUS_RULES: folder.file("rules.yaml") },
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^podbus: [^\n]*rules\.yaml:3: rules\[0\]\.publsh: unknown key; [^\n]*\n$/);
  });
});

test("what reads YAML is loaded where there are rules, and by no other command", async () => {
  using folder = new Folder({
    "rules.yaml": RULES,
    "tell.cjs": `const modules = require("node:module");
      const load = modules._load;
      modules._load = function (name, ...rest) {
        if (name.includes("yaml")) process.stderr.write("yaml was loaded\\n");
        return load.call(this, name, ...rest);
      };`,
  });
  const env = { NODE_OPTIONS: `--require ${folder.file("tell.cjs")}` };
  await using broker = await startBroker({ env });
  expect(await runCli(["ping", "--quiet"], { env: { ...env, ...broker.env } })).toMatchObject({ code: 0, stderr: "" });
  expect(await broker.stop()).toMatchObject({ code: 0, stderr: "" });
  const args = ["can", "billing", "publish", "orders.a", "--rules", folder.file("rules.yaml")];
  expect(await runCli(args, { env })).toMatchObject({ code: 0, stderr: expect.stringContaining("yaml was loaded") });
});

describe("check-config", () => {
  test("says what a broker would have, and warns of names that nobody can prove", async () => {
    using folder = new Folder({ common: COMMON, orders: "the secret of orders", ".rules.yaml": RULES });
    const args = ["check-config", "--secret-file", folder.path, "--rules", folder.file(".rules.yaml")];
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      expect.stringMatching(/^likely a mistake: .*\.rules\.yaml:2: nobody can be identity billing: /),
      "2 rules: what none of them permits is refused",
      "secrets: the common one, orders",
      "ok",
      "",
    ]);
    expect(JSON.parse((await runCli([...args, "--json"])).stdout)).toMatchObject({
      ok: true,
      rules: 2,
      secrets: { common: true, identities: ["orders"] },
    });
    expect((await runCli(["check-config"])).stdout).toMatch(/^no rules: .*\nno secret: .*\nok\n$/);
  });

  test("lists every problem, of options, secrets and rules", async () => {
    using folder = new Folder({ secret: "short", "rules.yaml": "rules:\n  - who: all\n    publish: [a..b]\n  - {}\n" });
    const args = ["check-config", "--allow", "uid:x", "--secret-file", folder.file("secret")];
    const { code, stdout, stderr } = await runCli(args, { env: { PODBUS_RULES: folder.file("rules.yaml") } });
    expect({ code, stderr }).toEqual({ code: 1, stderr: "podbus: 5 problems; mend what is listed\n" });
    expect(stdout.split("\n")).toEqual([
      expect.stringContaining("allow must be any, or a list"),
      expect.stringContaining("at least 16 bytes"),
      expect.stringMatching(/rules\.yaml:2: rules\[0\]\.who: /),
      expect.stringMatching(/rules\.yaml:3: rules\[0\]\.publish\[0\]: /),
      expect.stringMatching(/rules\.yaml:4: rules\[1\]: /),
      "",
    ]);
  });
});

describe("can", () => {
  const can = async (...args: string[]): Promise<Result> => {
    using folder = new Folder({ "rules.yaml": RULES });
    return await runCli(["can", ...args, "--rules", "rules.yaml"], { cwd: folder.path });
  };

  test.each([
    [["billing", "publish", "orders.eu"], 0, "yes: rules.yaml:2 permits it, by publish: orders.>\n"],
    [["uid:1001", "subscribe", "public.a"], 0, "yes: rules.yaml:5 permits it, by subscribe: public.>\n"],
    [
      ["billing", "publish", "mail.a"],
      1,
      "no: no rule lets identity billing publish mail.a\n" +
        "  rules.yaml:2 is for identity billing, and permits orders.>\n" +
        "  rules.yaml:5 is for identity billing, and permits no publish\n",
    ],
    [["billing,uid:7", "admin"], 1, /^no: no rule lets identity billing with uid 7 admin\n/],
  ])("%j", async (args, code, printed) => {
    const result = await can(...args);
    expect(result).toMatchObject({ code, stderr: "" });
    if (typeof printed === "string") expect(result.stdout).toBe(printed);
    else expect(result.stdout).toMatch(printed);
  });

  test("as JSON", async () => {
    expect(JSON.parse((await can("billing", "publish", "orders.eu", "--json")).stdout)).toMatchObject({
      allowed: true,
      line: 2,
      by: "orders.>",
    });
  });

  test.each([
    [["billing", "publish"], /needs a topic/],
    [["billing", "sys", "a"], /leave a out/],
    [["billing", "fly", "a"], /^podbus: action "fly": expected one of publish, subscribe/],
    [["billing", "publish", "a..b"], /none of them empty/],
    [["billing", "publish", "orders.*"], /^podbus: a topic must [^\n]*belong to patterns[^\n]*\n$/],
    [["billing", "request", ">"], /^podbus: a topic must [^\n]*\n$/],
    [["billing", "queue", "billing.*"], /^podbus: a queue name must [^\n]*\n$/],
    [["uid:x", "publish", "a"], /a number behind uid:/],
  ])("%j is wrong usage", async (args, message) => {
    const { code, stderr } = await can(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  test("without rules it says where they are to be named", async () => {
    const { code, stderr } = await runCli(["can", "billing", "publish", "a"]);
    expect(code).toBe(2);
    expect(stderr).toContain("PODBUS_RULES");
  });
});

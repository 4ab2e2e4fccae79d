// Who may connect, with real users: the kernel tells their uids, and the broker lets in whom it is told to. Needs root, to be others.

import { spawn } from "node:child_process";
import { describe, expect, test } from "vitest";

import { Flooder } from "../../bench/flooder.ts";
import { Folder } from "../support/folder.ts";
import { CLI, eventually, logLines, Running, startBroker } from "../support/processes.ts";

/** A user that owns nothing, and needs no entry in /etc/passwd. */
const USER = 61_001;
const GROUP = 61_002;

/** `podbus ARGS…` as another user. */
function podbusAs(uid: number, gid: number, address: string, ...args: string[]): Running {
  const podbus = [process.execPath, CLI, ...args, "--address", address];
  return new Running("setpriv", ["--reuid", String(uid), "--regid", String(gid), "--clear-groups", ...podbus]);
}

describe("allow", () => {
  test("another user is told which option would let it in, and so is the log; with that option it is let in", async () => {
    await using broker = await startBroker({ args: ["--allow", "gid:5"] });
    const refused = await podbusAs(USER, GROUP, broker.address, "ping").ended;
    const option = `gid:5,uid:${USER}`;
    const message = `uid ${USER} is not allowed; start the broker with --allow ${option}`;
    expect(refused).toMatchObject({ code: 1, stdout: "", stderr: `podbus: ${message}\n` });
    const line = await eventually(() => logLines(broker.process.stdout).find(({ code }) => code === "not_allowed"));
    expect(line).toMatchObject({ level: "warn", uid: USER, gid: GROUP, msg: `client refused: ${message}` });

    await using other = await startBroker({ args: ["--allow", option] });
    expect(await podbusAs(USER, GROUP, other.address, "ping").ended).toMatchObject({ code: 0, stderr: "" });
    expect(await podbusAs(USER + 1, 5, other.address, "ping").ended).toMatchObject({ code: 0, stderr: "" });
    expect(await podbusAs(USER + 1, GROUP, other.address, "ping").ended).toMatchObject({ code: 1 });
  });

  test("a broker that is not root's lets in its own user and root", async () => {
    const address = `@podbus-users-${process.pid}`;
    await using broker = podbusAs(USER, GROUP, address, "serve");
    await broker.untilPrinted('"listening"');
    expect(await podbusAs(USER, GROUP, address, "ping").ended).toMatchObject({ code: 0 });
    expect(await podbusAs(0, 0, address, "ping").ended).toMatchObject({ code: 0 });
    expect(await podbusAs(USER + 1, GROUP, address, "ping").ended).toMatchObject({ code: 1 });
  });

  test("a user of another user namespace has no number here: only any lets it in", async () => {
    await using broker = await startBroker({ args: ["--allow", `uid:${USER}`] });
    // It maps nobody but itself, and the broker's namespace has its uid: so it is seen as what it is.
    const inside = ["unshare", "--user", "--map-root-user", process.execPath, CLI, "ping", "--address", broker.address];
    const asUser = new Running("setpriv", [
      "--reuid",
      String(USER),
      "--regid",
      String(GROUP),
      "--clear-groups",
      ...inside,
    ]);
    expect(await asUser.ended).toMatchObject({ code: 0 });

    // The other way round: a broker in a namespace that has no number for root.
    const address = `@podbus-userns-${process.pid}`;
    const serve = ["unshare", "--user", "--map-root-user", process.execPath, CLI, "serve", "--address", address];
    await using unmapped = new Running("setpriv", [
      "--reuid",
      String(USER),
      "--regid",
      String(GROUP),
      "--clear-groups",
      ...serve,
    ]);
    await unmapped.untilPrinted('"listening"');
    const refused = await podbusAs(0, 0, address, "ping").ended;
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^podbus: uid 65534 is not allowed: .*--allow any, and a secret \(--secret-file\)\n$/,
    );
  });

  test("rules are for users as for identities", async () => {
    const rules = `rules: [{ who: { uid: ${USER} }, publish: mine.> }, { who: { gid: ${GROUP} }, request: "*" }]`;

    using folder = new Folder({ "rules.yaml": rules });
    await using broker = await startBroker({
      args: ["--allow", `gid:${GROUP}`, "--rules", folder.file("rules.yaml")],
    });
    expect(await podbusAs(USER, GROUP, broker.address, "pub", "mine.a", "1").ended).toMatchObject({ code: 0 });
    const other = await podbusAs(USER + 1, GROUP, broker.address, "pub", "mine.a", "1").ended;
    expect(other.stderr).toContain(`no rule lets uid ${USER + 1} publish to "mine.a"`);
    const asked = await podbusAs(USER + 1, GROUP, broker.address, "request", "nobody", "1").ended;
    expect(asked.stderr).toContain("nobody responds");
  });
});

test("a flood of one user does not keep out another: it is let in while the flood goes on", async () => {
  await using broker = await startBroker({ args: ["--allow", `uid:${USER}`] });
  const flood = new Flooder(broker.address);
  try {
    await eventually(() => flood.full > 10);
    for (let i = 0; i < 3; i++) {
      const ping = await podbusAs(USER, GROUP, broker.address, "ping", "--connect-timeout", "10s").ended;
      expect(ping).toMatchObject({ code: 0, stderr: "" });
    }
  } finally {
    await flood.stop();
  }
});

test("where peers can't be told the broker does not start, but with --allow any", async () => {
  // koffi, which asks the kernel, is not found from here.
  const without = (...args: string[]): Promise<{ code: number | null; stderr: string }> =>
    new Promise((resolve) => {
      const hide = `require("node:module")._load = ((load) => (name, ...rest) => {
        if (name === "koffi") throw new Error("koffi is not for this machine");
        return load(name, ...rest);
      })(require("node:module")._load);
      process.argv.splice(1, 0, ${JSON.stringify(CLI)});
      require(${JSON.stringify(CLI)});`;
      const child = spawn(process.execPath, ["-e", hide, "serve", ...args], { stdio: ["ignore", "pipe", "pipe"] });
      let stderr = "";
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      child.stdout.on("data", (chunk: Buffer) => {
        if (chunk.includes('"listening"')) child.kill("SIGTERM");
      });
      child.once("close", (code) => resolve({ code, stderr }));
    });

  using folder = new Folder();
  const address = folder.file("bus.sock");
  const refused = await without("--address", address);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^podbus: who connects can't be told here \(koffi is not .*--allow any.*\n$/);
  expect(await without("--address", address, "--allow", "any")).toMatchObject({ code: 0, stderr: "" });
});

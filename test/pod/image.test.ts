// The image by itself: what is in it, whom it runs as, and that it needs neither a shell nor a file system that can be written.

import { afterEach, describe, expect, inject, test } from "vitest";

import { eventually } from "../support/processes.ts";
import { IMAGE } from "../support/pod/images.ts";
import { Podman } from "../support/pod/podman.ts";

const podman: Podman = new Podman(inject("podman"));

/** As restricted as a pod is. */
const SAFE = ["--network", "none", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all"];
const NAME = "broker";

const serve = (...options: string[]): Promise<string> =>
  podman.must("run", "--detach", "--name", NAME, ...SAFE, ...options, IMAGE);

/** podman 4.3 asks by itself only where systemd runs. */
const isHealthy = async (): Promise<boolean> => (await podman.run("healthcheck", "run", NAME)).code === 0;

/** Runs JavaScript in the image, whose Node is in its usual place. */
const evaluate = (code: string): Promise<string> =>
  podman.must("run", "--rm", ...SAFE, "--no-healthcheck", "--entrypoint", "node", IMAGE, "-e", code);

afterEach(() => podman.clear());

describe("the image", () => {
  test("names its user by number, and has the broker as its process and a health check without a shell", async () => {
    const template =
      "{{json .Config.User}} {{json .Config.Entrypoint}} {{json .Config.Cmd}} {{json .HealthCheck.Test}}";
    const shown = await podman.must("inspect", "--type", "image", "--format", template, IMAGE);
    expect(shown).toBe(
      '"65532:65532" ["/usr/local/bin/podbus"] ["serve"] ["CMD","/usr/local/bin/podbus","ping","--quiet","--connect-timeout","3s"]',
    );
  });

  test("has one binary of each native package", async () => {
    const code = `const files = require("node:fs").readdirSync("/podbus", { recursive: true });
      console.log(JSON.stringify(files.filter((name) => name.endsWith(".node"))));`;
    const native = JSON.parse(await evaluate(code)) as string[];
    for (const name of ["/koffi/", "/@lmdb/"]) expect(native.filter((file) => file.includes(name))).toHaveLength(1);
  });

  test("V8 takes the compiled code that is in it", async () => {
    const code = `const { readFileSync } = require("node:fs");
      const isRejected = (file) => {
        const options = { cachedData: readFileSync(file + ".code") };
        return new (require("node:vm").Script)(readFileSync(file, "latin1"), options).cachedDataRejected;
      };
      console.log(isRejected("/podbus/podbus.js"), isRejected("/podbus/ping.js"));`;
    expect(await evaluate(code)).toBe("false false");
  });

  test("has no shell", async () => {
    expect((await podman.run("run", "--rm", ...SAFE, "--entrypoint", "/bin/sh", IMAGE, "-c", "true")).code).not.toBe(0);
  });
});

describe.each([
  ["its own user", []],
  ["a uid as OpenShift gives one", ["--user", "1000650000:0"]],
  ["root", ["--user", "0"]],
])("as %s", (_, user) => {
  test("serves, is asked, and ends with 0 on SIGTERM as process 1", async () => {
    await serve(...user);
    await eventually(isHealthy);
    expect(await podman.must("exec", NAME, "podbus", "ls")).toContain("@podbus");
    await podman.must("stop", "--time", "20", NAME);
    expect(await podman.inspect(NAME, "{{.State.ExitCode}} {{.HostConfig.ReadonlyRootfs}}")).toBe("0 true");
    expect(await podman.logs(NAME)).toContain('"msg":"closed"');
  });
});

test("a probe and the command it stands for say the same", async () => {
  await serve();
  await eventually(isHealthy);
  expect(await podman.must("exec", NAME, "podbus", "ping")).toMatch(/^@podbus answered in /);
  expect(await podman.must("exec", NAME, "podbus", "ping", "-q", "--timeout", "3s", "--connect-timeout", "1s")).toBe(
    "",
  );
  for (const [code, ...args] of [
    [1, "--address", "@nobody"],
    [2, "--address", "nobody"],
    [2, "--timeout", "soon"],
  ] as const) {
    const [quiet, loud] = await Promise.all(
      [["--quiet"], []].map((more) => podman.run("exec", NAME, "podbus", "ping", ...more, ...args)),
    );
    expect(quiet!.stderr).toMatch(/^podbus: [^\n]+\n/);
    expect([quiet!.code, quiet!.stderr]).toEqual([code, loud!.stderr]);
  }
});

test("keeps durable queues in a volume, whoever it runs as", async () => {
  await serve("--user", "1000650000:0", "--volume", "data:/var/lib/podbus", "--env", "PODBUS_DATA=/var/lib/podbus");
  await eventually(isHealthy);
  await podman.must("exec", NAME, "podbus", "pub", "--retain", "--confirm", "config.mode", "on");
  await podman.must("kill", NAME);
  await podman.must("wait", NAME);
  await podman.must("start", NAME);
  await eventually(isHealthy);
  expect(await podman.must("exec", NAME, "podbus", "sub", "--count", "1", "--raw", "config.mode")).toBe("on");
});

test("a broker that can't have its data directory says so in a line", async () => {
  const { code, stderr } = await podman.run(
    "run",
    "--rm",
    ...SAFE,
    "--no-healthcheck",
    IMAGE,
    "serve",
    "--data",
    "/nowhere",
  );
  expect(code).toBe(1);
  expect(stderr.trimEnd()).toMatch(/^podbus: [^\n]*\/nowhere[^\n]*$/);
});

// What `podbus doctor` and `podbus serve` see of real namespaces and mounts: the machine's network and one of its own, the kubelet's
// /etc/hosts, a tmpfs and a read-only mount. Needs unshare and nsenter (util-linux), and root.

import { mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { CLI, Running, uniqueAddress, untilListening } from "../support/processes.ts";

interface Check {
  check: string;
  state: string;
  says: string;
  facts: Record<string, unknown>;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "podbus-system-doctor-"));
  writeFileSync(join(folder, "hosts-pod"), "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n");
  writeFileSync(join(folder, "hosts-node"), "# Kubernetes-managed hosts file (host network).\n127.0.0.1\tlocalhost\n");
  mkdirSync(join(folder, "data"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Where {
  /** A network namespace of its own. */
  net?: true;
  /** Commands of a shell, in a mount namespace of its own, before podbus starts. */
  before?: string;
  env?: Record<string, string>;
}

/** `podbus ARGS…`, in namespaces of its own. The shell and unshare become it, so that its pid is podbus's. */
function podbus({ net, before = ":", env = {} }: Where, ...args: string[]): Running {
  const kinds = ["--mount", ...(net ? ["--net"] : [])];
  const script = `${before} && exec "$@"`;
  return new Running("unshare", [...kinds, "sh", "-ec", script, "sh", process.execPath, CLI, ...args], { env });
}

async function doctor(where: Where, ...args: string[]): Promise<{ code: number | null; of: (name: string) => Check }> {
  const { code, stdout, stderr } = await podbus(where, "doctor", "--json", "--address", uniqueAddress(), ...args).ended;
  expect(stderr).toBe("");
  const checks = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Check);
  return { code, of: (name) => checks.find(({ check }) => check === name)! };
}

const hosts = (kind: "pod" | "node"): string => `mount --bind ${folder}/hosts-${kind} /etc/hosts`;
const KUBERNETES = { KUBERNETES_SERVICE_HOST: "10.0.0.1" };

describe("whose network namespace it is", () => {
  test("one of its own is told from the one that this test runs in", async () => {
    const inside = await doctor({ net: true });
    const outside = await doctor({});
    expect(inside.of("namespace").facts).toMatchObject({ scope: "own", sharers: { processes: 1 } });
    expect(readlinkSync("/proc/self/ns/net")).toBe(`net:[${String(outside.of("namespace").facts["net"])}]`);
    expect(inside.of("namespace").facts["net"]).not.toBe(outside.of("namespace").facts["net"]);
  });

  test("in Kubernetes one of its own is a pod's, and no problem", async () => {
    const { code, of } = await doctor({ net: true, env: KUBERNETES });
    expect(of("namespace")).toMatchObject({ state: "ok", facts: { scope: "pod" } });
    expect(code).toBe(0);
  });

  test("with hostNetwork it is the node's, as the kubelet says: a problem without a secret", async () => {
    const { code, of } = await doctor({ before: hosts("node") });
    expect(of("namespace")).toMatchObject({ state: "problem", facts: { scope: "host", kubernetes: true } });
    expect(code).toBe(1);
  });

  test("a node's services that listen in it show it, even where their sockets can't be reached", async () => {
    // The name that is bound is what the kernel shows; the file is on a mount that nobody else sees.
    const listen = `require("node:net").createServer().listen("/run/crio/crio.sock", () => console.log("up")).unref(); process.stdin.resume()`;
    const script = `mount -t tmpfs none /run && mkdir /run/crio && exec "$@"`;
    await using service = new Running(
      "unshare",
      ["--mount", "--net", "sh", "-ec", script, "sh", process.execPath, "-e", listen],
      { input: null },
    );
    await service.untilPrinted("up");
    const command = [process.execPath, CLI, "doctor", "--json", "--address", uniqueAddress()];
    const inside = new Running("nsenter", ["--target", String(service.pid), "--net", ...command], { env: KUBERNETES });
    const { code, stdout } = await inside.ended;
    expect(JSON.parse(stdout.split("\n")[0]!)).toMatchObject({
      check: "namespace",
      state: "problem",
      facts: { scope: "host", nodeSockets: ["/run/crio/crio.sock"] },
    });
    expect(code).toBe(1);
  });
});

describe("serve", () => {
  test("refuses to start in a pod with the node's network, and says why", async () => {
    const { code, stderr } = await podbus({ before: hosts("node") }, "serve", "--address", uniqueAddress()).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^podbus: this pod shares the node's network namespace .*--secret-file.*\n$/);
  });

  test("and check-config says the same, where it would, and is content with a secret", async () => {
    const where = { before: hosts("node") };
    const refused = await podbus(where, "check-config").ended;
    expect(refused).toMatchObject({ code: 1, stderr: "podbus: 1 problem; mend what is listed\n" });
    expect(refused.stdout).toMatch(/^this pod shares the node's network namespace .*--secret-file.*\n$/);
    const secret = join(folder, "secret");
    writeFileSync(secret, "a secret of more than sixteen bytes\n", { mode: 0o600 });
    const ok = await podbus(where, "check-config", "--json", "--secret-file", secret).ended;
    expect([ok.code, JSON.parse(ok.stdout)]).toMatchObject([0, { ok: true, problems: [] }]);
  });

  test("starts there with a secret, and doctor has nothing against it", async () => {
    const secret = join(folder, "secret");
    writeFileSync(secret, "a secret of more than sixteen bytes\n", { mode: 0o600 });
    const address = uniqueAddress();
    const where: Where = { before: hosts("node"), env: { PODBUS_SECRET_FILE: secret, PODBUS_ADDRESS: address } };
    await using broker = podbus(where, "serve");
    await untilListening(broker);
    const { code, stdout } = await podbus(where, "doctor", "--json").ended;
    const checks = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Check);
    const states = new Map(checks.map(({ check, state }) => [check, state]));
    expect([states.get("namespace"), states.get("secret"), states.get("broker")]).toEqual(["ok", "ok", "ok"]);
    expect(code).toBe(0);
  });

  test("starts in a pod's own network, and on a file-system socket in the node's", async () => {
    await using inPod = podbus({ before: hosts("pod"), net: true }, "serve", "--address", uniqueAddress());
    await untilListening(inPod);
    await using onFile = podbus({ before: hosts("node") }, "serve", "--address", join(folder, "podbus.sock"));
    await untilListening(onFile);
  });
});

describe("mounts", () => {
  const data = (): string => join(folder, "data");

  test("a tmpfs and its room", async () => {
    const before = `mount -t tmpfs -o size=32m none ${data()}`;
    const { code, of } = await doctor({ before, net: true }, "--data", data());
    expect(of("data")).toMatchObject({ state: "warning", facts: { mount: { type: "tmpfs", point: data() } } });
    expect(of("data").facts["freeBytes"]).toBeLessThanOrEqual(32 * 1024 * 1024);
    expect(code).toBe(0);
  });

  test("one that is full, and one that is read-only, are problems", async () => {
    const full = `mount -t tmpfs -o size=2m none ${data()} && head -c 2000000 /dev/zero > ${data()}/ballast`;
    expect((await doctor({ before: full, net: true }, "--data", data())).of("data")).toMatchObject({
      state: "problem",
      says: expect.stringMatching(/refuses to write/),
    });
    const readOnly = `mount -t tmpfs -o ro none ${data()}`;
    const { code, of } = await doctor({ before: readOnly, net: true }, "--data", data());
    expect(of("data")).toMatchObject({ state: "problem", says: expect.stringMatching(/read-only/) });
    expect(code).toBe(1);
  });
});

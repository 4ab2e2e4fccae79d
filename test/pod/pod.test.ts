// The shipped manifests in a real pod, derived for Debian's podman as test/support/pod/manifest.ts says: who reaches whom, what becomes of
// jobs when a worker or the broker is killed, and how the pod ends.

import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";

import { eventually } from "../support/processes.ts";
import { IMAGE, ROOT } from "../support/pod/images.ts";
import { kustomize, type Manifest, podSpecOf } from "../support/pod/manifest.ts";
import { Pod } from "../support/pod/pod.ts";
import { Podman } from "../support/pod/podman.ts";
import { problemsOf } from "../support/pod/schema.ts";

const podman: Podman = new Podman(inject("podman"));

/** The checkout's client, for a container that does what no command does. */
const CLIENT = { [join(ROOT, "dist")]: "/app/dist", [join(ROOT, "node_modules")]: "/app/node_modules" };

/** A worker that takes jobs and never gets done. */
const HANGS = `import("/app/dist/client/index.js").then(async ({ connect }) => {
  const bus = await connect({ name: "hangs" });
  bus.subscribe("slow.>", { queue: "slow", ack: true, keep: true, concurrency: 5 }, ({ data }) => {
    console.log("took " + data);
    return new Promise(() => {});
  });
});`;

interface Client {
  readonly name: string;
  readonly uid: number;
}

/** Asked in the container of the first argument. */
async function clientsOf(pod: Pod, container: string): Promise<Client[]> {
  const answer = await pod.must(container, "podbus", "request", "--json", "$sys.clients", "{}");
  return (JSON.parse(answer) as { clients: Client[] }).clients;
}

async function queueOf(pod: Pod, container: string, name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await pod.must(container, "podbus", "queue", "show", name, "--json")) as Record<string, unknown>;
}

const range = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i + 1));

/** The numbers of the jobs that a worker printed. */
const jobsIn = (log: string): string[] => [...log.matchAll(/^jobs\.a (\d+)$/gm)].map(([, number]) => number!);

const finishedAt = (container: string): Promise<string> => podman.inspect(container, "{{.State.FinishedAt}}");

describe("deploy/kubernetes: users of their own, durable queues", () => {
  const manifests: Manifest[] = kustomize(join(ROOT, "deploy/kubernetes"));
  let pod: Pod;
  beforeAll(async () => {
    pod = await Pod.play(podman, manifests);
    for (const worker of ["worker-1", "worker-2"]) await pod.must(worker, "podbus", "wait", "jobs.a");
    await pod.must("web", "podbus", "wait", "health.web");
  });
  afterAll(() => pod[Symbol.asyncDispose]());

  test("is what the API takes", () => {
    expect(problemsOf(manifests)).toEqual([]);
  });

  test("all probes pass", async () => {
    for (const { name, readinessProbe, livenessProbe } of pod.sidecars) {
      for (const probe of [readinessProbe!, livenessProbe!]) expect((await pod.probe(name, probe)).code).toBe(0);
    }
  });

  test("containers with different users talk, and the broker sees who they are", async () => {
    await eventually(async () => (await clientsOf(pod, "web")).length >= 4); // and the one that asks
    const clients = await clientsOf(pod, "web");
    const uidsOf = (name: string): number[] => clients.filter((client) => client.name === name).map(({ uid }) => uid);
    expect(uidsOf("podbus respond")).toEqual([1001]);
    expect(uidsOf("podbus sub").sort()).toEqual([1002, 1003]);
    expect(await pod.must("worker-2", "podbus", "request", "health.web")).toBe("ok");
  });

  test("is as restricted as its manifest says", async () => {
    const { stdout } = await pod.exec("web", "node", "-p", "process.getuid() + ' ' + process.getgid()");
    expect(stdout).toMatch(/^1001 /);
    const write = "require('node:fs').writeFileSync('/podbus/x', '')";
    expect((await pod.exec("web", "node", "-e", write)).stderr).toContain("EROFS");
    const status = await pod.must("broker", "node", "-p", "require('node:fs').readFileSync('/proc/1/status', 'utf8')");
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(status).toMatch(/^Uid:\t65532\t/m);
  });

  test("a user that is not allowed is refused in a line that says how to allow it", async () => {
    await using stranger = pod.add({ user: "1099" }, "ping");
    const { code, stderr } = await stranger.ended;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^podbus: [^\n]*uid 1099[^\n]*allow[^\n]*\n/),
    });
  });

  test("a container of another pod does not reach the broker", async () => {
    const { code, stderr } = await podman.run("run", "--rm", "--network", "none", "--no-healthcheck", IMAGE, "ping");
    expect(code).toBe(1);
    expect(stderr).toContain("@podbus");
  });

  test("jobs of a worker that is killed go to another", async () => {
    await using hangs = pod.add({ user: "1001", mounts: CLIENT, entrypoint: "node" }, "-e", HANGS);
    await pod.must("web", "podbus", "wait", "slow.a");
    await pod.must("web", "podbus", "pub", "--confirm", "slow.a", ...range(5));
    await hangs.untilPrinted("took 5\n");
    expect(await queueOf(pod, "web", "slow")).toMatchObject({ inFlight: 5, waiting: 0 });

    await podman.must("kill", "--signal", "KILL", pod.added);
    await hangs.ended;
    const taken = await pod.must(
      "worker-2",
      "podbus",
      "sub",
      "slow.>",
      "--queue",
      "slow",
      "--ack",
      "--count",
      "5",
      "--json",
    );
    const messages = taken.split("\n").map((line) => JSON.parse(line) as { data: number; attempt: number });
    expect(messages.map(({ data }) => String(data))).toEqual(range(5));
    expect(messages.map(({ attempt }) => attempt)).toEqual([2, 2, 2, 2, 2]);
  });

  test("a broker that is killed comes back, and with it its clients and its durable queues", async () => {
    await using first = pod.start(
      "worker-1",
      "podbus",
      ..."sub safe.> --queue safe --ack --durable --count 1".split(" "),
    );
    await pod.must("web", "podbus", "wait", "safe.a");
    await pod.must("web", "podbus", "pub", "--confirm", "safe.a", "0");
    expect((await first.ended).code).toBe(0);
    await pod.must("web", "podbus", "pub", "--confirm", "safe.a", ...range(3));

    const broker = pod.of("broker");
    const before = await podman.inspect(broker, "{{.State.Pid}}");
    // Not by `podman kill`: a container that its user ended stays as it is. One that ended by itself is started anew, as by the kubelet.
    process.kill(Number(before), "SIGKILL");
    await eventually(async () => !["0", before].includes(await podman.inspect(broker, "{{.State.Pid}}")));
    await pod.must("broker", ...pod.sidecars[0]!.startupProbe!.exec.command);

    await eventually(async () => {
      const names = (await clientsOf(pod, "web")).map(({ name }) => name);
      return names.includes("podbus respond") && names.filter((name) => name === "podbus sub").length === 2;
    });
    expect(await pod.must("worker-2", "podbus", "request", "health.web")).toBe("ok");
    expect(await queueOf(pod, "web", "safe")).toMatchObject({ waiting: 3 });
    const kept = await pod.must("worker-2", "podbus", ..."sub safe.> --queue safe --ack --count 3".split(" "));
    expect(kept).toBe("safe.a 1\nsafe.a 2\nsafe.a 3");
  });

  test("ends in order, with nothing lost", async () => {
    const jobs = range(500);
    await pod.must("web", "podbus", "pub", "--confirm", "jobs.a", ...jobs);
    await pod.end();
    const logs = await Promise.all(["worker-1", "worker-2"].map((worker) => podman.logs(pod.of(worker))));
    expect(logs.flatMap(jobsIn).sort((a, b) => Number(a) - Number(b))).toEqual(jobs);

    const all = [...pod.containers, ...pod.sidecars].map(({ name }) => pod.of(name));
    expect(await Promise.all(all.map((name) => podman.inspect(name, "{{.State.ExitCode}}")))).toEqual([
      "0",
      "0",
      "0",
      "0",
    ]);
    const times = await Promise.all(all.map(finishedAt));
    expect(times.toSorted().at(-1)).toBe(times.at(-1));
    expect(await podman.logs(pod.of("broker"))).toMatch(/"msg":"closing"[^]*"msg":"closed"/);
  });
});

describe("deploy/job: the main job as a Job", () => {
  test("its containers end by themselves, all of it moved and checked, and the sidecar ends last", async () => {
    const manifests = kustomize(join(ROOT, "deploy/job"));
    expect(problemsOf(manifests)).toEqual([]);
    await using pod = await Pod.play(podman, manifests);
    const ended = pod.containers.map(({ name }) => podman.must("wait", pod.of(name)));
    expect(await Promise.all(ended)).toEqual(["0", "0", "0"]);
    expect(await podman.logs(pod.of("producer"))).toMatch(/^lost {5}nothing/m);
    expect(await podman.inspect(pod.of("broker"), "{{.State.Running}}")).toBe("true");
    await pod.end();
    expect(await podman.inspect(pod.of("broker"), "{{.State.ExitCode}}")).toBe("0");
  });
});

describe("deploy/openshift: one uid that nobody chose, a secret, a volume", () => {
  const UID = 1000650000;
  let folder: string;
  let pod: Pod;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "podbus-deploy-"));
    cpSync(join(ROOT, "deploy"), folder, { recursive: true });
    writeFileSync(join(folder, "secret/podbus.secret"), randomBytes(32).toString("base64"));
    const manifests = kustomize(join(folder, "openshift"));
    expect(problemsOf(manifests)).toEqual([]);
    expect(JSON.stringify(manifests)).not.toMatch(/runAsUser|runAsGroup|fsGroup/);
    pod = await Pod.play(podman, asAdmitted(manifests, UID));
    for (const worker of ["worker-1", "worker-2"]) await pod.must(worker, "podbus", "wait", "jobs.a");
  });
  afterAll(async () => {
    await pod[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("all containers have that uid, and talk", async () => {
    const clients = await clientsOf(pod, "web");
    expect(new Set(clients.map(({ uid }) => uid))).toEqual(new Set([UID]));
    await pod.must("web", "podbus", "pub", "--confirm", "jobs.a", "1");
    await eventually(async () => {
      const logs = await Promise.all(["worker-1", "worker-2"].map((worker) => podman.logs(pod.of(worker))));
      return logs.flatMap(jobsIn).includes("1");
    });
  });

  test("a client of that uid that has no secret is refused", async () => {
    await using stranger = pod.add({ user: `${UID}:0` }, "ping");
    const { code, stderr } = await stranger.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^podbus: [^\n]*secret/);
  });
});

/** What OpenShift's restricted SCC adds to a pod that names no user. */
function asAdmitted(manifests: readonly Manifest[], uid: number): Manifest[] {
  const spec = podSpecOf(manifests);
  Object.assign(spec, { securityContext: { ...spec.securityContext, runAsUser: uid, fsGroup: uid } });
  return [...manifests];
}

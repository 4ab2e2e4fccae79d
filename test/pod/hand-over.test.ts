// Two brokers in containers of one pod: the second waits for name and data, and takes both from the first when that is told to end, while
// a producer publishes and workers work.

import { join } from "node:path";

import { afterEach, expect, inject, test } from "vitest";

import { eventually } from "../support/processes.ts";
import { IMAGE, ROOT } from "../support/pod/images.ts";
import { Podman } from "../support/pod/podman.ts";

const podman: Podman = new Podman(inject("podman"));
const POD = "hand-over";
const SAFE = ["--pod", POD, "--read-only", "--cap-drop", "all", "--no-healthcheck", "--user", "65532:65532"];
const DATA = ["--volume", "data:/var/lib/podbus", "--env", "PODBUS_DATA=/var/lib/podbus"];
const CLIENT = [
  "--entrypoint",
  "node",
  ...["dist", "node_modules"].flatMap((name) => ["--volume", `${join(ROOT, name)}:/app/${name}:ro`]),
];

/** Publishes, each batch confirmed before the next, until it is told to end; then tells how many. */
const PRODUCER = `import("/app/dist/client/index.js").then(async ({ connect }) => {
  const bus = await connect({ name: "producer" });
  let number = 0;
  let isEnding = false;
  process.once("SIGTERM", () => (isEnding = true));
  while (!isEnding) {
    const batch = Array.from({ length: 20 }, () => bus.publish("jobs.a", ++number, { confirm: true }));
    await Promise.all(batch);
    console.log("confirmed " + number);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await bus.close();
});`;

const start = (name: string, ...args: string[]): Promise<string> =>
  podman.must("run", "--detach", "--name", name, ...SAFE, ...args);

afterEach(() => podman.clear());

test("a broker in a container of its own takes over from another in the pod, and nothing that was confirmed is lost", async () => {
  await podman.must("pod", "create", "--name", POD, "--network", "none");
  await start("old", ...DATA, IMAGE, "serve");
  const work = "sub jobs.> --queue jobs --ack --durable".split(" ");
  for (const worker of ["worker-1", "worker-2"]) await start(worker, IMAGE, ...work);
  for (const worker of ["worker-1", "worker-2"]) await podman.must("exec", worker, "podbus", "wait", "jobs.a");
  await start("producer", ...CLIENT, IMAGE, "-e", PRODUCER);
  await podman.untilLogged("producer", "confirmed 200\n");

  await start("new", ...DATA, IMAGE, "serve", "--wait");
  await podman.untilLogged("new", '"msg":"waiting until the address and the data directory are free"');
  const confirmed = async (): Promise<number> =>
    Number([...(await podman.logs("producer")).matchAll(/^confirmed (\d+)$/gm)].at(-1)![1]);
  const before = await confirmed();
  await podman.must("stop", "--time", "20", "old");
  expect(await podman.inspect("old", "{{.State.ExitCode}}")).toBe("0");
  await podman.untilLogged("new", '"msg":"listening"');
  await eventually(async () => (await confirmed()) > before + 200);

  await podman.must("stop", "--time", "20", "producer");
  expect(await podman.inspect("producer", "{{.State.ExitCode}}")).toBe("0");
  await podman.must("exec", "new", "podbus", "queue", "wait", "jobs");
  for (const worker of ["worker-1", "worker-2"]) await podman.must("stop", "--time", "20", worker);
  const count = await confirmed();
  const logs = await Promise.all(["worker-1", "worker-2"].map((worker) => podman.logs(worker)));
  const done = logs.flatMap((log) => [...log.matchAll(/^jobs\.a (\d+)$/gm)].map(([, number]) => Number(number)));
  expect(new Set(done)).toEqual(new Set(Array.from({ length: count }, (_, i) => i + 1)));
});

// The shipped docker-compose.yml, as it is, by docker-compose against podman's socket. podman 4.3 asks no health check by itself where no
// systemd runs, so the test asks, as Docker would.

import { existsSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";

import { eventually, type Result, Running } from "../support/processes.ts";
import { BASE_IMAGE, BUILD_IMAGE, ROOT } from "../support/pod/images.ts";
import { Podman } from "../support/pod/podman.ts";

const podman: Podman = new Podman(inject("podman"));
const socket: string = join(podman.place.home, "podman.sock");
const PROJECT = "podbus-compose";

const start = (...args: string[]): Running =>
  new Running("docker-compose", ["--project-name", PROJECT, ...args], {
    cwd: ROOT,
    env: { DOCKER_HOST: `unix://${socket}`, PODBUS_BUILD_IMAGE: BUILD_IMAGE, PODBUS_BASE_IMAGE: BASE_IMAGE },
  });

const compose = (...args: string[]): Promise<Result> => start(...args).ended;

/** podman's name of a service's container. */
async function containerOf(service: string): Promise<string> {
  return (await compose("ps", "--quiet", service)).stdout.trim();
}

/** Asks the broker's health check again and again, until it is told to end. */
async function keepAsking(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const broker = await containerOf("broker");
    if (broker !== "") await podman.run("healthcheck", "run", broker);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe("docker-compose.yml", () => {
  let service: Running;
  const over = new AbortController();
  let asking: Promise<void>;
  beforeAll(async () => {
    service = podman.start(["system", "service", "--time", "0", `unix://${socket}`]);
    await eventually(() => existsSync(socket));
    asking = keepAsking(over.signal);
  });
  afterAll(async () => {
    over.abort();
    await asking;
    await compose("down", "--volumes", "--timeout", "5");
    await service.stop();
    await podman.clear();
  });

  test("builds, starts in order, and moves the checkout through the bus, with nothing lost", async () => {
    const { code, stdout, stderr } = await compose("up", "--abort-on-container-exit", "--exit-code-from", "producer");
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/lost {5}nothing/);
    expect(stdout).toMatch(/workers {2}1: .* 2: /);
  });

  test("stays up, with the users that it names", async () => {
    expect((await compose("up", "--detach")).code).toBe(0);
    const [broker, worker] = await Promise.all(["broker", "worker-1"].map(containerOf));
    const uids = await eventually(async () => {
      const answer = await podman.must("exec", worker!, "podbus", "request", "--json", "$sys.clients", "{}");
      const { clients } = JSON.parse(answer) as { clients: { name: string; uid: number }[] };
      const found = ["worker 1", "worker 2"].map((name) => clients.find((client) => client.name === name)?.uid);
      return !found.includes(undefined) && found;
    });
    expect(uids).toEqual([1001, 1002]);
    expect(
      await podman.inspect(broker!, "{{.Config.User}} {{.HostConfig.NetworkMode}} {{.HostConfig.ReadonlyRootfs}}"),
    ).toBe("1000:1000 none true");
    expect(await podman.inspect(broker!, "{{.HostConfig.Memory}}")).toBe(String(256 * 1024 * 1024));
    expect((await compose("stop")).code).toBe(0);
    expect(await podman.inspect(broker!, "{{.State.ExitCode}}")).toBe("0");
  });
});

// A pod of the shipped manifests, under podman, and of the kubelet as much as it takes: probes are run in their container, and the end
// comes in its order.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Result, Running } from "../processes.ts";
import { IMAGE } from "./images.ts";
import { type Container, derived, type Manifest, podSpecOf, type Probe } from "./manifest.ts";
import type { Podman } from "./podman.ts";

export interface ExtraContainer {
  /** `uid`, or `uid:gid`. */
  readonly user: string;
  /** Mounted read-only: from there to there. */
  readonly mounts?: Readonly<Record<string, string>>;
  readonly entrypoint?: string;
}

export class Pod implements AsyncDisposable {
  readonly name: string;
  readonly sidecars: readonly Container[];
  readonly containers: readonly Container[];
  readonly #podman: Podman;
  readonly #graceSeconds: number;
  #extra = 0;

  private constructor(podman: Podman, manifests: readonly Manifest[], name: string) {
    const { initContainers = [], containers, terminationGracePeriodSeconds } = podSpecOf(manifests);
    this.#podman = podman;
    this.name = name;
    this.sidecars = initContainers;
    this.containers = containers;
    this.#graceSeconds = terminationGracePeriodSeconds;
  }

  /**
   * Starts it, without any network, and resolves once the startup probes have passed, each at its first try (kubernetes#134800 is
   * about what may happen otherwise).
   */
  static async play(podman: Podman, manifests: readonly Manifest[]): Promise<Pod> {
    const documents = derived(manifests);
    const { metadata } = documents.at(-1) as Manifest;
    const file = join(podman.place.home, `${metadata.name}.yaml`);
    writeFileSync(file, documents.map((document) => JSON.stringify(document)).join("\n---\n"));
    await podman.must("kube", "play", "--network", "none", file);
    const pod = new Pod(podman, manifests, metadata.name);
    for (const { name, startupProbe } of pod.sidecars) {
      if (startupProbe !== undefined) await pod.must(name, ...startupProbe.exec.command);
    }
    return pod;
  }

  /** podman's name of a container of the manifest. */
  of(container: string): string {
    return `${this.name}-${container}`;
  }

  exec(container: string, ...command: string[]): Promise<Result> {
    return this.#podman.run("exec", this.of(container), ...command);
  }

  /** Runs what stays for a while. */
  start(container: string, ...command: string[]): Running {
    return this.#podman.start(["exec", this.of(container), ...command]);
  }

  /** Runs what must succeed, and resolves with what it printed. */
  async must(container: string, ...command: string[]): Promise<string> {
    return this.#podman.must("exec", this.of(container), ...command);
  }

  /** As the kubelet does it: the command, in the container, without a shell. */
  probe(container: string, { exec }: Probe): Promise<Result> {
    return this.exec(container, ...exec.command);
  }

  /** One more container of the image, in this pod. */
  add({ user, mounts = {}, entrypoint }: ExtraContainer, ...args: string[]): Running {
    const name = this.of(`extra-${++this.#extra}`);
    const volumes = Object.entries(mounts).flatMap(([from, to]) => ["--volume", `${from}:${to}:ro`]);
    const started = entrypoint === undefined ? [] : ["--entrypoint", entrypoint];
    const safe = ["--read-only", "--cap-drop", "all", "--no-healthcheck", "--user", user];
    const run = ["run", "--rm", "--pod", this.name, "--name", name, ...safe, ...volumes, ...started, IMAGE, ...args];
    return this.#podman.start(run);
  }

  /** The last container that was added. */
  get added(): string {
    return this.of(`extra-${this.#extra}`);
  }

  /** As the kubelet ends a pod: all but the sidecars at once, each after its preStop; then the sidecars, the last one first. */
  async end(): Promise<void> {
    await Promise.all(this.containers.map((container) => this.#stop(container)));
    for (const sidecar of this.sidecars.toReversed()) await this.#stop(sidecar);
  }

  async #stop({ name, lifecycle }: Container): Promise<void> {
    if (lifecycle?.preStop !== undefined) await this.probe(name, lifecycle.preStop);
    await this.#podman.must("stop", "--time", String(this.#graceSeconds), this.of(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#podman.clear();
  }
}

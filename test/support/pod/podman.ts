// podman with a store, a configuration and a runtime folder of its own, all in one temporary folder: what a test runs there touches
// nothing of the machine's, and is gone with the folder. Made for Debian's podman 4.3, as root, with and without systemd.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { eventually, type Result, Running, type StartOptions } from "../processes.ts";

/** Not the temporary folder, which may be in memory: the images need half a gibibyte. */
const PARENT = "/var/tmp";

/** Limits are lowered to what a container may set; without a systemd there is none to ask for cgroups. */
const CONFIGURATION = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
`;

/** What else knows where it is, in another process. */
export interface PodmanPlace {
  readonly home: string;
  readonly driver: string;
}

export class Podman {
  readonly place: PodmanPlace;

  constructor(place: PodmanPlace) {
    this.place = place;
  }

  /** Makes the folder, and sees which way of keeping images works in it: overlay, or copies where that is not to be had. */
  static async create(): Promise<Podman> {
    const home = mkdtempSync(join(PARENT, "podbus-pod-"));
    mkdirSync(join(home, "tmp"));
    writeFileSync(join(home, "containers.conf"), CONFIGURATION);
    let refusal = "";
    for (const driver of ["overlay", "vfs"]) {
      const podman = new Podman({ home, driver });
      const { code, stderr } = await podman.run("info");
      if (code === 0) return podman;
      refusal = stderr;
      podman.#removeStore();
    }
    rmSync(home, { recursive: true, force: true });
    throw new Error(`podman does not work on this machine: ${refusal}`);
  }

  start(args: readonly string[], options: StartOptions = {}): Running {
    const { home, driver } = this.place;
    const flags = ["--root", join(home, "store"), "--runroot", join(home, "run"), "--tmpdir", join(home, "tmp")];
    return new Running("podman", [...flags, "--storage-driver", driver, ...args], {
      ...options,
      env: { CONTAINERS_CONF: join(home, "containers.conf"), ...options.env },
    });
  }

  run(...args: string[]): Promise<Result> {
    return this.start(args).ended;
  }

  /** Runs it, and resolves with what it printed, less the last line break. @throws where it fails. */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`podman ${args.join(" ")}: exited with ${code}\n${stdout}${stderr}`);
    return stdout.trimEnd();
  }

  /** Of a container, by a Go template such as `{{.State.ExitCode}}`. */
  inspect(container: string, template: string): Promise<string> {
    return this.must("inspect", "--type", "container", "--format", template, container);
  }

  /** What a container printed, both streams. */
  async logs(container: string): Promise<string> {
    const { stdout, stderr } = await this.run("logs", container);
    return stdout + stderr;
  }

  async untilLogged(container: string, text: string): Promise<void> {
    await eventually(async () => (await this.logs(container)).includes(text));
  }

  /** Removes all that runs or ran, and the volumes and secrets; images stay. */
  async clear(): Promise<void> {
    await this.run("pod", "rm", "--all", "--force", "--time", "0");
    await this.run("rm", "--all", "--force", "--time", "0");
    await this.run("volume", "rm", "--all", "--force");
    await this.run("secret", "rm", "--all");
  }

  /** Ends everything, and removes the folder. */
  async remove(): Promise<void> {
    await this.clear();
    this.#removeStore();
    rmSync(this.place.home, { recursive: true, force: true });
  }

  /** Containers that ended badly, and the store itself, may still be mounted. */
  #removeStore(): void {
    const { home } = this.place;
    const mounts = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "")
      .filter((path) => path.startsWith(`${home}/`));
    for (const path of mounts.toReversed()) execFileSync("umount", ["--lazy", path], { stdio: "ignore" });
    for (const name of ["store", "run"]) rmSync(join(home, name), { recursive: true, force: true });
  }
}

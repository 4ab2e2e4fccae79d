// The image under test, built by the shipped Dockerfile where no registry of images is reachable: from two bases that are made of this
// machine's own files. One has Node's libraries and nothing else, no shell either; the other Node, npm, a shell, and what npm needs
// to install what package-lock.json lists, so that the build itself runs without a network.

import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Podman } from "./podman.ts";

export const ROOT: string = fileURLToPath(new URL("../../..", import.meta.url));

/** As docker-compose.yml and deploy/ name it. */
export const IMAGE = "podbus:local";
export const BUILD_IMAGE = "localhost/podbus-build:local";
export const BASE_IMAGE = "localhost/podbus-base:local";

const NODE = realpathSync(process.execPath);

/** Both bases. */
export async function makeBases(podman: Podman): Promise<void> {
  const base = folder(podman, "base");
  copyLibraries(base, [NODE]);
  await importFolder(podman, base, BASE_IMAGE, []);

  const build = folder(podman, "build");
  const programs = { "/bin/sh": "/bin/sh", "/usr/bin/env": "/usr/bin/env", [NODE]: "/usr/local/bin/node" };
  copyLibraries(build, Object.keys(programs));
  for (const [from, to] of Object.entries(programs)) copy(from, join(build, to));
  const npm = join(dirname(realpathSync(which("npm"))), "..");
  cpSync(npm, join(build, "usr/lib/npm"), { recursive: true, dereference: true });
  symlinkSync("/usr/lib/npm/bin/npm-cli.js", join(build, "usr/local/bin/npm"));
  fillCache(folder(podman, "checkout"), join(build, "npm-cache"));
  await importFolder(podman, build, BUILD_IMAGE, [
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "HOME=/tmp",
    "npm_config_offline=true",
    "npm_config_cache=/npm-cache",
    `npm_config_registry=${npmSetting("registry")}`,
  ]);
}

/** `docker` is the format that keeps a HEALTHCHECK. */
export async function buildImage(podman: Podman): Promise<void> {
  const bases = ["--build-arg", `BUILD_IMAGE=${BUILD_IMAGE}`, "--build-arg", `BASE_IMAGE=${BASE_IMAGE}`];
  await podman.must("build", "--quiet", "--format", "docker", "--network", "none", ...bases, "--tag", IMAGE, ROOT);
  await podman.must("tag", IMAGE, `docker.io/library/${IMAGE}`);
}

function folder(podman: Podman, name: string): string {
  const path = join(podman.place.home, name);
  mkdirSync(join(path, "tmp"), { recursive: true });
  chmodSync(join(path, "tmp"), 0o1777);
  return path;
}

/** All that the dynamic linker would load for these programs, the linker among it, at the same paths. */
function copyLibraries(to: string, programs: readonly string[]): void {
  for (const program of programs) {
    for (const [path] of execFileSync("ldd", [program], { encoding: "utf8" }).matchAll(/(?<=[\s])\/\S+/g)) {
      copy(path, join(to, path));
    }
  }
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** A cache of npm with just the packages of package-lock.json. */
function fillCache(checkout: string, cache: string): void {
  for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(ROOT, name), join(checkout, name));
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
  execFileSync("npm", ["ci", ...options, "--cache", cache], { cwd: checkout, stdio: "inherit" });
  rmSync(checkout, { recursive: true, force: true });
}

function npmSetting(name: string): string {
  return execFileSync("npm", ["config", "get", name], { encoding: "utf8" }).trim();
}

function which(command: string): string {
  return execFileSync("sh", ["-c", `command -v ${command}`], { encoding: "utf8" }).trim();
}

async function importFolder(podman: Podman, path: string, name: string, env: readonly string[]): Promise<void> {
  const archive = `${path}.tar`;
  execFileSync("tar", ["--create", "--file", archive, "--directory", path, "."]);
  const changes = env.flatMap((setting) => ["--change", `ENV ${setting}`]);
  await podman.must("import", "--quiet", ...changes, archive, name);
  rmSync(archive);
  rmSync(path, { recursive: true });
}

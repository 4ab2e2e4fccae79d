// Lays out what the container image adds to its base, in the folder given, and says what each part weighs:
//
//   podbus/podbus                 the command; runs one of these with the code that V8 compiled of it (image/start.cjs)
//   podbus/podbus.js, .code       all of it, and what V8 compiled
//   podbus/ping.js, .code         what a probe needs, likewise
//   podbus/yaml.js                as dist/ has it
//   podbus/node_modules/          koffi and lmdb: just what is loaded here, for one libc, one processor and one Node
//   usr/local/bin/podbus          a link to it
//   var/lib/podbus/               a place for durable queues, for the image's own user and for the group 0
//
// Has to run where the image will: same Node, libc and processor. `--node PATH` is where the image has its Node.
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { parseArgs } from "node:util";

import { bundleCommand, bundleYaml, licences, root } from "./bundle.mjs";

/** The user that the image has unless it is given another: "nonroot", as distroless images call it. */
const USER = 65532;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { node: { type: "string", default: process.execPath } },
});
if (positionals.length !== 1) throw new Error("usage: node scripts/image.mjs [--node PATH] FOLDER");
const out = resolve(positionals[0]);
const home = join(out, "podbus");

rmSync(out, { recursive: true, force: true });
mkdirSync(home, { recursive: true });
await bundles();
koffi();
lmdb();
launcher();
dataFolder();
execFileSync(process.execPath, [join(root, "scripts/image/compile.cjs"), home], { stdio: "inherit" });
tell();

async function bundles() {
  await bundleCommand("cli/probe.ts", join(home, "ping.js"), { forImage: true });
  const inputs = await bundleCommand("cli/main.ts", join(home, "podbus.js"), { forImage: true });
  inputs.push(...(await bundleYaml(join(home, "yaml.js"))));
  writeFileSync(join(home, "THIRD-PARTY-LICENSES"), licences(inputs));
  writeFileSync(join(home, "package.json"), `{ "type": "commonjs" }\n`);
  copyFileSync(join(root, "LICENSE"), join(home, "LICENSE"));
}

/**
 * koffi is its binary alone: the JavaScript around it looks for the one that fits, which takes 9 of the 10 ms of loading it, and adds
 * nothing that is used here.
 */
function koffi() {
  const binary = loadedBy("koffi").find((file) => file.endsWith(".node"));
  const from = join(root, "node_modules/koffi");
  const to = join(home, "node_modules/koffi");
  const { name, version, license } = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
  mkdirSync(to, { recursive: true });
  writeFileSync(join(to, "package.json"), JSON.stringify({ name, version, license, main: "koffi.node" }));
  copyFileSync(join(from, "LICENSE.txt"), join(to, "LICENSE.txt"));
  copyFileSync(binary, join(to, "koffi.node"));
}

/** What a process that loads a package has loaded then. */
function loadedBy(name) {
  const list = `require("${name}"); console.log(JSON.stringify(Object.keys(require.cache)))`;
  return JSON.parse(execFileSync(process.execPath, ["-e", list], { cwd: root, encoding: "utf8" }));
}

/** Of lmdb and each package that it loads, what is loaded, and what names and licenses it. */
function lmdb() {
  const loaded = loadedBy("lmdb");
  const files = new Set(loaded);
  for (const folder of new Set(loaded.map(packageOf))) {
    files.add(join(folder, "package.json"));
    for (const file of mainOf(folder)) files.add(file);
    for (const name of readdirSync(folder)) if (/^licen[cs]e/i.test(name)) files.add(join(folder, name));
  }
  for (const file of files) {
    const copy = join(home, relative(root, file));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
    chmodSync(copy, 0o644);
  }
}

/** The folder of the package that a file belongs to. */
function packageOf(file) {
  const at = file.lastIndexOf(`${sep}node_modules${sep}`) + `${sep}node_modules${sep}`.length;
  const names = file.slice(at).split(sep);
  return join(file.slice(0, at), ...names.slice(0, names[0].startsWith("@") ? 2 : 1));
}

/** The binaries' packages are found by their main file, which is empty. */
function mainOf(folder) {
  const { main } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = join(folder, main ?? "index.js");
  return existsSync(file) && statSync(file).isFile() ? [createRequire(file).resolve(file)] : [];
}

function launcher() {
  const file = join(home, "podbus");
  writeFileSync(file, `#!${values.node}\n${readFileSync(join(root, "scripts/image/start.cjs"), "utf8")}`);
  chmodSync(file, 0o755);
  mkdirSync(join(out, "usr/local/bin"), { recursive: true });
  symlinkSync("/podbus/podbus", join(out, "usr/local/bin/podbus"));
}

function dataFolder() {
  const folder = join(out, "var/lib/podbus");
  mkdirSync(folder, { recursive: true });
  if (process.getuid() === 0) chownSync(folder, USER, 0);
  chmodSync(folder, 0o770);
}

function tell() {
  const parts = [
    ...["podbus.js", "podbus.js.code", "ping.js", "ping.js.code"].map((name) => [name, join(home, name)]),
    ...readdirSync(join(home, "node_modules")).map((name) => [name, join(home, "node_modules", name)]),
    ["all of it", out],
  ];
  for (const [name, path] of parts) {
    console.log(`${name.padEnd(36)} ${(bytesIn(path) / 1024 ** 2).toFixed(2).padStart(6)} MiB`);
  }
}

function bytesIn(path) {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return 0; // a link to where it will be
  if (!status.isDirectory()) return status.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}

// Lays out what the container image adds to its base, in the folder given, and says what each part weighs:
//
//   podbus/podbus                 the command; runs podbus.js with the code that V8 compiled of it (see image/start.cjs)
//   podbus/podbus.js, .code       the built command without its blanks and comments, as one function; what V8 compiled of it
//   podbus/node_modules/          of koffi and lmdb just the files that they load here: one libc, one processor, one Node
//   usr/local/bin/podbus          a link to it
//   var/lib/podbus/               a place for durable queues, for the image's own user and for the group 0
//
// Needs dist/, and has to run where the image will: same Node, libc and processor. `--node PATH` is where the image has its Node.
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { transform } from "esbuild";

const NATIVE = ["koffi", "lmdb"];
/** The user that the image has unless it is given another: "nonroot", as distroless images call it. */
const USER = 65532;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { node: { type: "string", default: process.execPath } },
});
if (positionals.length !== 1) throw new Error("usage: node scripts/image.mjs [--node PATH] FOLDER");
const out = resolve(positionals[0]);
const home = join(out, "podbus");

rmSync(out, { recursive: true, force: true });
mkdirSync(home, { recursive: true });
await bundle();
nativePackages();
launcher();
dataFolder();
execFileSync(process.execPath, [join(root, "scripts/image/compile.cjs"), home], { stdio: "inherit" });
tell();

async function bundle() {
  const built = readFileSync(join(root, "dist/cli/main.js"), "utf8").replace(/^#!.*\n/, "");
  const { code } = await transform(built, { minifyWhitespace: true, legalComments: "none", target: "node20.19" });
  if (/[^\0-\x7F]/.test(code)) throw new Error("the bundle is not ASCII, which start.cjs takes it for");
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${code}\n})\n`;
  writeFileSync(join(home, "podbus.js"), wrapped);
  writeFileSync(join(home, "package.json"), `{ "type": "commonjs" }\n`);
  copyFileSync(join(root, "LICENSE"), join(home, "LICENSE"));
  copyFileSync(join(root, "dist/cli/THIRD-PARTY-LICENSES"), join(home, "THIRD-PARTY-LICENSES"));
}

/** What a process that loads the packages has loaded, and of each package what names and licenses it. */
function nativePackages() {
  const list = `for (const name of ${JSON.stringify(NATIVE)}) require(name);
    console.log(JSON.stringify(Object.keys(require.cache)))`;
  const loaded = JSON.parse(execFileSync(process.execPath, ["-e", list], { cwd: root, encoding: "utf8" }));
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
    ["podbus.js", join(home, "podbus.js")],
    ["its compiled code", join(home, "podbus.js.code")],
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

// Writes beside podbus.js and ping.js of the folder given what V8 compiled of each once a broker with a data directory has started and
// was asked, both in this process: so none of the functions on the way are compiled again. start.cjs reads it.
"use strict";

const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { tmpdir } = require("node:os");
const { dirname, join, resolve } = require("node:path");
const { Script } = require("node:vm");

const home = resolve(process.argv[2]);
const data = mkdtempSync(join(tmpdir(), "podbus-image-"));
const address = `@podbus-image-${process.pid}`;
const exit = process.exit.bind(process);

/** As another process would: the command runs when its file does, and ends by process.exit. */
function run(name, ...args) {
  const bundle = join(home, name);
  const source = readFileSync(bundle, "latin1");
  if (/[^\0-\x7F]/.test(source)) throw new Error(`${name} is not ASCII, which start.cjs takes it for`);
  const script = new Script(source, { filename: bundle });
  process.argv = [process.argv[0], bundle, ...args];
  const ended = new Promise((done) => {
    process.exit = done;
  });
  const loaded = { exports: {} };
  script
    .runInThisContext()
    .call(loaded.exports, loaded.exports, createRequire(bundle), loaded, bundle, dirname(bundle));
  return { ended, keep: () => writeFileSync(`${bundle}.code`, script.createCachedData()) };
}

const broker = run("podbus.js", "serve", "--address", address, "--data", data, "--log-level", "warn");
const probe = run("ping.js", "ping", "--quiet", "--address", address, "--connect-timeout", "20s");
void probe.ended.then((code) => {
  rmSync(data, { recursive: true, force: true });
  if (code === 0) for (const { keep } of [broker, probe]) keep();
  else process.stderr.write("the broker of the image did not answer\n");
  exit(code);
});

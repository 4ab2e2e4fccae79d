// Writes podbus.js.code beside the podbus.js of the folder given: what V8 compiled of it once a broker with a data directory has
// started and a `podbus ping` has run, both in this process, so that none of the functions on the way are compiled again. start.cjs reads it.
"use strict";

const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join, resolve } = require("node:path");
const { Script } = require("node:vm");

const bundle = join(resolve(process.argv[2]), "podbus.js");
const data = mkdtempSync(join(tmpdir(), "podbus-image-"));
const address = `@podbus-image-${process.pid}`;
const script = new Script(readFileSync(bundle, "latin1"), { filename: bundle });
const exit = process.exit.bind(process);

/** As another process would: the command runs when its file does, and ends by process.exit. */
function run(...args) {
  process.argv = [process.argv[0], bundle, ...args];
  const ended = new Promise((done) => {
    process.exit = done;
  });
  const loaded = { exports: {} };
  const requireThere = require("node:module").createRequire(bundle);
  script.runInThisContext().call(loaded.exports, loaded.exports, requireThere, loaded, bundle, join(bundle, ".."));
  return ended;
}

run("serve", "--address", address, "--data", data, "--log-level", "warn");
void run("ping", "--quiet", "--address", address, "--connect-timeout", "20s").then((code) => {
  rmSync(data, { recursive: true, force: true });
  if (code === 0) writeFileSync(`${bundle}.code`, script.createCachedData());
  else process.stderr.write("the broker of the image did not answer\n");
  exit(code);
});

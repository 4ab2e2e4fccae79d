// The command as the image has it: runs ping.js for a probe, podbus.js for all else, with the code that V8 compiled of it when the image
// was built. Node's own compile cache can't do that: it keeps one folder for each uid, and OpenShift gives any. Where V8 refuses
// the code (another Node, other flags) it compiles as ever.
"use strict";

const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");

if (process.argv[2] !== "ping" || !run("ping").isTaken) run("podbus");

/** The file is a function that takes what a CommonJS module is given; ASCII, so that it need not be decoded. */
function run(name) {
  const bundle = `${__dirname}/${name}.js`;
  const script = new Script(readFileSync(bundle, "latin1"), { filename: bundle, cachedData: compiledCode(bundle) });
  const loaded = { exports: {} };
  script.runInThisContext().call(loaded.exports, loaded.exports, require, loaded, bundle, __dirname);
  return loaded.exports;
}

function compiledCode(bundle) {
  try {
    return readFileSync(`${bundle}.code`);
  } catch {
    return undefined;
  }
}

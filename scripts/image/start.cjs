// The command as the image has it: runs ping.js for `podbus ping`, podbus.js for all else, with the code that V8 compiled of it when the
// image was built. Node's own compile cache can't do that: it keeps one folder for each uid, and OpenShift gives any. Where V8 refuses
// the code (another Node, other flags) it compiles as ever.
"use strict";

const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");

const bundle = `${__dirname}/${process.argv[2] === "ping" ? "ping" : "podbus"}.js`;

/** A function that takes what a CommonJS module is given; ASCII, so that it need not be decoded. */
const script = new Script(readFileSync(bundle, "latin1"), { filename: bundle, cachedData: compiledCode() });
script.runInThisContext().call(exports, exports, require, module, bundle, __dirname);

function compiledCode() {
  try {
    return readFileSync(`${bundle}.code`);
  } catch {
    return undefined;
  }
}

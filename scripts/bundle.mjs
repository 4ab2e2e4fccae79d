// Bundles an entry of the command into one CommonJS file with its packages inside; koffi and lmdb stay outside, since they are native.
// As ES modules the same code took 18 MiB above a bare Node when it was measured, as one file 12 (npm run bench -- --only memory,start
// shows what it is now).
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export const common = { absWorkingDir: root, bundle: true, platform: "node", target: "node20.19", logLevel: "warning" };

const IMPORT_META_URL = `const importMetaUrl = require("node:url").pathToFileURL(__filename).href;`;

/** What Node wraps a CommonJS file in. */
const FUNCTION = "(function (exports, require, module, __filename, __dirname) {";

/**
 * Resolves with the files that are inside. For the container image it is one function, without blanks and comments: what
 * image/start.cjs runs.
 */
export async function bundleCommand(entry, outfile, { forImage = false } = {}) {
  const { metafile } = await build({
    ...common,
    entryPoints: [entry],
    outfile,
    format: "cjs",
    external: ["koffi", "lmdb"],
    supported: { "dynamic-import": false },
    define: { "import.meta.url": "importMetaUrl" },
    banner: { js: forImage ? FUNCTION + IMPORT_META_URL : IMPORT_META_URL },
    footer: { js: forImage ? "})" : "" },
    minifyWhitespace: forImage,
    minifySyntax: forImage,
    legalComments: "none",
    metafile: true,
    plugins: [lazyBuiltins, yamlBeside],
  });
  return Object.keys(metafile.inputs);
}

/** What the command has of the package yaml: a file beside it, read where there are rules only. Resolves with the files inside. */
export async function bundleYaml(outfile) {
  const { metafile } = await build({
    ...common,
    stdin: {
      contents: `export { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";`,
      resolveDir: root,
    },
    outfile,
    format: "cjs",
    minify: true,
    legalComments: "none",
    metafile: true,
  });
  return Object.keys(metafile.inputs);
}

const yamlBeside = {
  name: "yaml-beside",
  setup({ onResolve }) {
    onResolve({ filter: /^yaml$/ }, () => ({ path: "./yaml.js", external: true }));
  },
};

/**
 * Parts of Node that cost milliseconds to load, and that most commands only mention (commander, for programs that would be commands):
 * loaded when something of them is first used.
 */
const lazyBuiltins = {
  name: "lazy-builtins",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^node:(child_process|crypto|readline)$/ }, ({ path, namespace }) =>
      namespace === "lazy" ? { path, external: true } : { path, namespace: "lazy" },
    );
    onLoad({ filter: /./, namespace: "lazy" }, ({ path }) => ({
      contents: Object.keys(createRequire(import.meta.url)(path))
        .map((name) => `get ${name}() { return require("${path}").${name}; }`)
        .join(",\n")
        .replace(/^[^]*$/, (getters) => `module.exports = {\n${getters}\n};`),
    }));
  },
};

/** The licences of the packages that files belong to. */
export function licences(inputs) {
  const names = new Set(inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean));
  return [...names]
    .sort()
    .map((name) => {
      const folder = join(root, "node_modules", name);
      const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      if (file === undefined) throw new Error(`${name} is inside the command, and comes without a licence`);
      return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}

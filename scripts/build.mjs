// Builds dist/ from the sources, in a clean folder:
//
//   client/ broker/     the library: ES modules that share their common code, with declarations beside them
//   cli/main.js         the command: one CommonJS file with its packages inside. As modules, the same code took 18 MiB above a bare
//                       Node when it was measured, as one file 12 (npm run bench -- --only memory,start shows what it is now);
//                       koffi and lmdb stay outside, since they are native
//   cli/yaml.js         the package yaml as one file beside it, read where there are rules only
//   rules.schema.json   what a file of rules may hold, for editors
//   bench/ examples/    what runs from a checkout only
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");

const common = { absWorkingDir: root, bundle: true, platform: "node", target: "node20.19", logLevel: "warning" };

rmSync(dist, { recursive: true, force: true });
await Promise.all([declarations(), modules(), command()]);

/** Declarations of the public entry points and what they name. */
function declarations() {
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

function modules() {
  const entryPoints = [
    "client/index.ts",
    "broker/index.ts",
    ...sourcesIn("bench"),
    ...sourcesIn("examples/typescript"),
  ];
  return build({
    ...common,
    entryPoints,
    outbase: root,
    outdir: dist,
    format: "esm",
    splitting: true,
    chunkNames: "shared/[name]-[hash]",
    packages: "external",
    plugins: [
      {
        // Examples import the package by its name, as a user does.
        name: "self",
        setup({ onResolve }) {
          onResolve({ filter: /^podbus$/ }, () => ({ path: join(root, "client/index.ts") }));
          onResolve({ filter: /^podbus\/broker$/ }, () => ({ path: join(root, "broker/index.ts") }));
        },
      },
    ],
  });
}

async function command() {
  const { metafile } = await build({
    ...common,
    entryPoints: ["cli/main.ts"],
    outfile: join(dist, "cli/main.js"),
    format: "cjs",
    external: ["koffi", "lmdb"],
    plugins: [
      {
        name: "beside",
        setup({ onResolve }) {
          onResolve({ filter: /^yaml$/ }, () => ({ path: "./yaml.js", external: true }));
        },
      },
    ],
    supported: { "dynamic-import": false },
    define: { "import.meta.url": "importMetaUrl" },
    banner: { js: `const importMetaUrl = require("node:url").pathToFileURL(__filename).href;` },
    legalComments: "none",
    metafile: true,
  });
  const yaml = await build({
    ...common,
    stdin: {
      contents: `export { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";`,
      resolveDir: root,
    },
    outfile: join(dist, "cli/yaml.js"),
    format: "cjs",
    minify: true,
    legalComments: "none",
    metafile: true,
  });
  chmodSync(join(dist, "cli/main.js"), 0o755);
  copyFileSync(join(root, "broker/rules/schema.json"), join(dist, "rules.schema.json"));
  writeFileSync(join(dist, "cli/package.json"), `{ "type": "commonjs" }\n`);
  writeFileSync(
    join(dist, "cli/THIRD-PARTY-LICENSES"),
    licences([metafile, yaml.metafile].flatMap(({ inputs }) => Object.keys(inputs))),
  );
}

/** The licences of the packages that are inside the command. */
function licences(inputs) {
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

function sourcesIn(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(folder, path));
}

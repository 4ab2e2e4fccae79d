// Builds dist/ from the sources, in a clean folder:
//
//   client/ broker/     the library: ES modules that share their common code, with declarations beside them
//   cli/main.js         the command: one CommonJS file with its packages inside (bundle.mjs)
//   cli/yaml.js         the package yaml as one file beside it, read where there are rules only
//   rules.schema.json   what a file of rules may hold, for editors
//   bench/ examples/    what runs from a checkout only
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { build } from "esbuild";

import { bundleCommand, bundleYaml, common, licences, root } from "./bundle.mjs";

const dist = join(root, "dist");

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
  const inputs = await bundleCommand("cli/main.ts", join(dist, "cli/main.js"));
  inputs.push(...(await bundleYaml(join(dist, "cli/yaml.js"))));
  chmodSync(join(dist, "cli/main.js"), 0o755);
  copyFileSync(join(root, "broker/rules/schema.json"), join(dist, "rules.schema.json"));
  writeFileSync(join(dist, "cli/package.json"), `{ "type": "commonjs" }\n`);
  writeFileSync(join(dist, "cli/THIRD-PARTY-LICENSES"), licences(inputs));
}

function sourcesIn(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(folder, path));
}

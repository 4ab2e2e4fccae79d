// `npm run test:sim`: builds the simulation into two files, who leads and who runs seeds, and starts the first. One file each, so that
// it runs on every supported Node, and so that a mutant is another file.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, "node_modules/.cache/podbus-sim");
const common = { absWorkingDir: root, bundle: true, platform: "node", target: "node20.19", logLevel: "warning" };

await Promise.all([
  build({
    ...common,
    entryPoints: ["test/sim/main.ts"],
    outfile: join(out, "main.mjs"),
    format: "esm",
    packages: "external",
  }),
  build({
    ...common,
    entryPoints: ["test/sim/worker.ts"],
    outfile: join(out, "worker.cjs"),
    format: "cjs",
    // No import() is left that would take a turn of the real event loop.
    supported: { "dynamic-import": false },
    sourcemap: "inline",
  }),
]);

const { status, signal } = spawnSync(process.execPath, [join(out, "main.mjs"), ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PODBUS_SIM_WORKER: join(out, "worker.cjs") },
});
if (signal !== null) console.error(`the simulation was ended by ${signal}`);
process.exitCode = status ?? 1;

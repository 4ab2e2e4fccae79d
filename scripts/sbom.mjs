// Prints the bill of materials of what users get, as CycloneDX: npm's own, less what only developers get. `npm sbom --omit dev` would
// also leave out what both get.
import { execFileSync } from "node:child_process";

const npm = (...args) => execFileSync("npm", args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });

const kept = new Set();
for (const line of npm("ls", "--omit", "dev", "--all", "--parseable", "--long").trim().split("\n")) {
  kept.add(line.slice(line.indexOf(":") + 1));
}
const bill = JSON.parse(npm("sbom", "--sbom-format", "cyclonedx"));
bill.components = bill.components.filter(({ name, group, version }) =>
  kept.has(`${group === undefined ? "" : `${group}/`}${name}@${version}`),
);
const refs = new Set([bill.metadata.component["bom-ref"], ...bill.components.map((component) => component["bom-ref"])]);
bill.dependencies = bill.dependencies
  .filter(({ ref }) => refs.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) }));
process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`);

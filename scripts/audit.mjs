// `npm run audit`: known vulnerabilities of everything in the lock file. Fails where there is one; where the registry gives no advisories
// (no network, a mirror that has none) it says so and passes: that is not this project's fault, and must not stop its tests.
import { spawnSync } from "node:child_process";

const { stdout, stderr } = spawnSync("npm", ["audit", "--json"], { encoding: "utf8" });
const report = parse(stdout);

if (report?.metadata?.vulnerabilities === undefined) {
  const why = report?.message ?? report?.error?.summary ?? stderr.trim().split("\n").at(-1) ?? "no answer";
  process.stdout.write(`not audited: the registry gives no advisories here (${why})\n`);
} else if (report.metadata.vulnerabilities.total === 0) {
  process.stdout.write(`no known vulnerability in ${report.metadata.dependencies.total} packages\n`);
} else {
  for (const { name, severity, via, range } of Object.values(report.vulnerabilities)) {
    const what = via.map((each) => (typeof each === "string" ? each : `${each.title} ${each.url}`)).join("; ");
    process.stdout.write(`${severity}: ${name} ${range}: ${what}\n`);
  }
  process.exit(1);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// Adds up what the suites of .ci/run have written, names what failed, and says the sum on one line.
// `count-results.mjs FOLDER [FAILED_STEP...]`. A step can fail without a failing test (a check, a crash, an install): where
// more steps failed than tests did, these are counted.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** So much of a failure's message is shown here, lines: the whole stands where the suite printed it. */
const LINES = 12;

const [, , folder, ...failedSteps] = process.argv;
let passed = 0;
const failures = [];
for (const name of readdirSync(folder)) {
  const results = JSON.parse(readFileSync(join(folder, name), "utf8"));
  passed += results.numPassedTests;
  for (const file of results.testResults) {
    const failing = file.assertionResults.filter(({ status }) => status === "failed");
    for (const test of failing)
      failures.push(`${file.name}\n  ${test.fullName}\n${excerpt(test.failureMessages.join("\n"))}`);
    if (failing.length === 0 && file.status === "failed") failures.push(`${file.name}\n${excerpt(file.message ?? "")}`);
  }
}
for (const failure of failures) process.stdout.write(`\n✗ ${failure}\n`);
if (failedSteps.length > 0) process.stdout.write(`\nfailed: ${failedSteps.join("; ")}\n`);
const failed = Math.max(failures.length, failedSteps.length);
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

function excerpt(message) {
  const lines = message.split("\n").slice(0, LINES);
  return lines.map((line) => `    ${line}`).join("\n");
}

// Adds up what the suites of .ci/run have written, and says it on one line. `count-results.mjs FOLDER FAILED_STEPS`
// A step that failed without a failing test (a check, a crash, an install) counts as one failure.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [, , folder, failedSteps] = process.argv;
let passed = 0;
let failed = 0;
for (const name of readdirSync(folder)) {
  const results = JSON.parse(readFileSync(join(folder, name), "utf8"));
  passed += results.numPassedTests;
  failed += results.numFailedTests;
}
failed = Math.max(failed, Number(failedSteps));
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

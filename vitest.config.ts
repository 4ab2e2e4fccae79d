import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Each project is one kind of test; `npm test` runs the first two, `.ci/run` all of them. */
const project = (name: string, folder: string, testTimeout: number, globalSetup: string[] = []) => ({
  test: { name, include: [`test/${folder}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout, globalSetup },
});

/** Where each run leaves its results for `.ci/run` to add up. */
const results = process.env["PODBUS_TEST_RESULTS"];

const config: ViteUserConfig = defineConfig({
  test: {
    pool: "forks",
    reporters: results === undefined ? ["default"] : ["default", "json"],
    ...(results === undefined ? {} : { outputFile: { json: `${results}/${process.pid}.json` } }),
    projects: [
      project("unit", "unit", 20_000),
      project("integration", "integration", 60_000),
      project("package", "package", 180_000),
      project("system", "system", 120_000),
      project("examples", "examples", 180_000),
      project("fault", "fault", 600_000),
      project("fuzz", "fuzz", 600_000),
      project("pod", "pod", 180_000, ["test/support/pod/setup.ts"]),
    ],
  },
});

export default config;

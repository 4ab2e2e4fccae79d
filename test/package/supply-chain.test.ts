// What comes with the packages: the checkout is installed without any package's script having run, builds, and moves a message; the bill
// of materials lists what users get.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { expect, test } from "vitest";

const root: string = join(import.meta.dirname, "../..");

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly scripts: Record<string, string>;
}
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;

test("npm ci --ignore-scripts does: it builds, and a message arrives", () => {
  const folder = mkdtempSync(join(tmpdir(), "podbus-clean-"));
  try {
    const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
    for (const file of files.toString().split("\0")) {
      if (file === "") continue;
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      cpSync(join(root, file), join(folder, file));
    }
    const run = (command: string, ...args: string[]): string =>
      execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund");
    run("npm", "run", "--silent", "build");
    const script = `
      const { connect } = await import("podbus");
      const { createBroker } = await import("podbus/broker");
      const broker = await createBroker({ address: "@", data: "./data" }).listen();
      const bus = await connect({ address: broker.address });
      const came = new Promise((resolve) => bus.subscribe("a.*", (message) => resolve(message.data)));
      await bus.flush();
      await bus.publish("a.b", { hello: "world" }, { confirm: true });
      console.log(JSON.stringify(await came));
      await bus.close();
      await broker.close();
    `;
    expect(run(process.execPath, "--input-type=module", "-e", script)).toBe('{"hello":"world"}\n');
    expect(run(process.execPath, "dist/cli/main.js", "--version")).toMatch(/^\d/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the package itself runs nothing when it is installed, and its dependencies are few and exact", () => {
  for (const script of ["preinstall", "install", "postinstall", "prepare"])
    expect(manifest.scripts[script]).toBeUndefined();
  expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(8);
  for (const version of Object.values({ ...manifest.dependencies, ...manifest.devDependencies })) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  }
});

test("every package in the lock file has a checksum", () => {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { integrity?: string; link?: boolean }>;
  };
  const without = Object.entries(packages).filter(
    ([name, { integrity }]) => name !== "" && integrity?.startsWith("sha512-") !== true,
  );
  expect(without.map(([name]) => name)).toEqual([]);
});

test("the bill of materials lists what users get, and nothing that only developers do", () => {
  const text = execFileSync("npm", ["run", "--silent", "sbom"], { cwd: root, encoding: "utf8" });
  const { bomFormat, components } = JSON.parse(text) as {
    bomFormat: string;
    components: { name: string; version: string }[];
  };
  expect(bomFormat).toBe("CycloneDX");
  const names = components.map(({ name }) => name);
  for (const name of Object.keys(manifest.dependencies)) expect(names).toContain(name);
  for (const name of Object.keys(manifest.devDependencies)) expect(names).not.toContain(name);
});

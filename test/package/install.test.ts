// The package as others get it: packed, installed in an empty project, imported, typed and run there.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root: string = join(import.meta.dirname, "../..");
const folder: string = mkdtempSync(join(tmpdir(), "podbus-package-"));

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

describe("the package, installed elsewhere", () => {
  beforeAll(() => {
    execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], { cwd: root });
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
    writeFileSync(join(folder, "package.json"), `{ "name": "user", "private": true, "type": "module" }`);
    run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", `./${tarball}`);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("the command runs without any install script", () => {
    expect(run("npx", "--no-install", "podbus", "--version")).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("client and broker are imported by their names, and talk", () => {
    writeFileSync(
      join(folder, "use.js"),
      `import { connect } from "podbus";
import { createBroker } from "podbus/broker";
const broker = await createBroker({ address: "@" }).listen();
const bus = await connect({ address: broker.address });
bus.respond("math.add", ({ data }) => data.a + data.b);
console.log(await bus.request("math.add", { a: 1, b: 2 }));
await bus.close();
await broker.close();
`,
    );
    expect(run(process.execPath, "use.js")).toBe("3\n");
  });

  test("a durable queue is there: lmdb is found from the installed package", () => {
    writeFileSync(
      join(folder, "durable.js"),
      `import { createBroker } from "podbus/broker";
const broker = await createBroker({ address: "@", data: "./data" }).listen();
console.log(broker.stats().queues);
await broker.close();
`,
    );
    expect(run(process.execPath, "durable.js")).toBe("0\n");
  });

  test("rules are read, by the library and the command, and their schema is there", () => {
    writeFileSync(join(folder, "rules.yaml"), "rules: [{ who: { uid: 1001 }, publish: a.* }]");
    writeFileSync(
      join(folder, "rules.js"),
      `import { createRequire } from "node:module";
import { createBroker, decide, readRules } from "podbus/broker";
const rules = await readRules("rules.yaml");
console.log(decide(rules, { identity: undefined, uid: 1001, gid: undefined }, "publish", "a.b").allowed);
const broker = await createBroker({ address: "@", rules: "rules.yaml" }).listen();
await broker.reload();
await broker.close();
console.log(createRequire(import.meta.url)("podbus/rules.schema.json").title);
`,
    );
    expect(run(process.execPath, "rules.js")).toBe("true\nRules of podbus\n");
    const can = [
      "npx",
      "--no-install",
      "podbus",
      "can",
      "uid:1001",
      "publish",
      "a.b",
      "--rules",
      "rules.yaml",
    ] as const;
    expect(run(...can)).toBe("yes: rules.yaml:1 permits it, by publish: a.*\n");
  });

  test("the types are found, and strict", () => {
    writeFileSync(
      join(folder, "typed.ts"),
      `import { connect, PodbusError } from "podbus";
import { createBroker, type BrokerOptions } from "podbus/broker";
const options: BrokerOptions = { address: "@" };
const broker = await createBroker(options).listen();
const bus = await connect<{ "a.b": { id: number } }>({ address: broker.address });
await bus.publish("a.b", { id: 1 });
// @ts-expect-error -- the payload is not of the topic's type
await bus.publish("a.b", { id: "1" });
console.log(PodbusError.name);
`,
    );
    writeFileSync(
      join(folder, "tsconfig.json"),
      `{ "compilerOptions": { "module": "nodenext", "target": "es2023", "lib": ["es2023", "esnext.disposable"], "strict": true, "noEmit": true, "types": ["node"], "typeRoots": ["${root}/node_modules/@types"] }, "files": ["typed.ts"] }`,
    );
    run(process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json");
  });
});

// Whether a manifest is what the Kubernetes API takes: checked against its schema as the package kubernetes-models has it, and, since the
// API's schema lets unknown fields pass, against the types that the same package makes of it, which do not.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { Deployment } from "kubernetes-models/apps/v1";
import { Job } from "kubernetes-models/batch/v1";
import { Namespace, Pod, Secret } from "kubernetes-models/v1";

import type { Manifest } from "./manifest.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** By apiVersion and kind: what checks, and where its type is. */
const KINDS: Readonly<Record<string, { check: (manifest: never) => void; from: string }>> = {
  "v1 Namespace": { check: (manifest) => new Namespace(manifest).validate(), from: "v1" },
  "v1 Pod": { check: (manifest) => new Pod(manifest).validate(), from: "v1" },
  "v1 Secret": { check: (manifest) => new Secret(manifest).validate(), from: "v1" },
  "apps/v1 Deployment": { check: (manifest) => new Deployment(manifest).validate(), from: "apps/v1" },
  "batch/v1 Job": { check: (manifest) => new Job(manifest).validate(), from: "batch/v1" },
};

/** What is wrong with them, a line each; none where nothing is. */
export function problemsOf(manifests: readonly Manifest[]): string[] {
  const problems: string[] = [];
  const typed: string[] = [];
  for (const [i, manifest] of manifests.entries()) {
    const { apiVersion, kind } = manifest as Manifest & { apiVersion: string };
    const known = KINDS[`${apiVersion} ${kind}`];
    if (known === undefined) {
      problems.push(`${apiVersion} ${kind} is not known here`);
      continue;
    }
    try {
      known.check(structuredClone(manifest) as never);
    } catch (error) {
      problems.push((error as Error).message);
    }
    typed.push(`import type { I${kind} as Type${i} } from "kubernetes-models/${known.from}";`);
    typed.push(`export const manifest${i}: Type${i} = ${JSON.stringify(manifest, null, 1)};`);
  }
  return [...problems, ...typeErrors(typed.join("\n"))];
}

/** By the compiler, which finds fields in a literal that its type has not. */
function typeErrors(source: string): string[] {
  const parent = join(ROOT, "dist");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "manifests-")); // inside the checkout, where the packages are found
  try {
    const file = join(folder, "manifests.ts");
    writeFileSync(file, source);
    const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--ignoreConfig"];
    execFileSync(process.execPath, [tsc, ...options, file], { encoding: "utf8", stdio: "pipe" });
    return [];
  } catch (error) {
    return (error as { stdout: string }).stdout.trim().split("\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

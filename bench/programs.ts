// The programs that some scenarios compare the bus with: where they are, and which scenarios have to be left out without them.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

import type { Scenario } from "./scenarios/scenario.ts";

export interface Program {
  readonly name: string;
  /** Debian's package of it. */
  readonly package: string;
}

/** Where Debian puts what serves; it is not on every user's path. */
const SERVERS = "/usr/sbin";

/** The program's path; undefined where it is not installed. */
export function find(name: string, path: string = process.env["PATH"] ?? ""): string | undefined {
  return [...path.split(delimiter), SERVERS].map((folder) => join(folder, name)).find(isExecutable);
}

/** Why a scenario can't be measured here, in one line; undefined where it can. */
export function whyNot({ name, needs }: Pick<Scenario, "name" | "needs">, path?: string): string | undefined {
  if (needs === undefined || find(needs.name, path) !== undefined) return undefined;
  return `${name} is not measured: it needs ${needs.name} (apt-get install ${needs.package})`;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

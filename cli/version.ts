// The version of the package that this command belongs to.

import { readFile } from "node:fs/promises";

/** Reads it from package.json, which is two folders up from the built command. */
export async function readVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}

// Lets one process at a time make or replace a socket in a directory, by flock() on the directory itself: no file is left
// behind, a crash releases it, and it holds across containers that share the volume. Between the look ("nobody accepts
// there") and the deed (remove, bind, listen) a second broker could otherwise lose its fresh socket to a first one.

import { closeSync, openSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";

import { LOCK_EX_NB, type Libc } from "./libc.ts";

const RETRY_MS = 10;
const GIVE_UP_MS = 2_000;

/**
 * Takes the lock and returns what releases it. Undefined when another process has kept it for two seconds. Where a directory
 * can't be locked (not readable, a file system without locks) the work goes on without: it is a guard, not a permission.
 */
export async function lockDirectory(libc: Libc, directory: string): Promise<(() => void) | undefined> {
  let fd: number;
  try {
    fd = openSync(directory, "r");
  } catch {
    return () => {};
  }
  for (let waited = 0; libc.flock(fd, LOCK_EX_NB) < 0; waited += RETRY_MS) {
    if (getSystemErrorName(-libc.errno()) !== "EAGAIN") break;
    if (waited >= GIVE_UP_MS) {
      closeSync(fd);
      return undefined;
    }
    await sleep(RETRY_MS);
  }
  return () => closeSync(fd);
}

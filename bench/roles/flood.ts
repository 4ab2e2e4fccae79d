// Floods a broker with connections that send garbage: each sends what is no HELLO and is closed at once, whatever the broker makes of
// it, and the next one follows as fast as this process can. It counts those that were made.

import { closeSync, writeSync } from "node:fs";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";

import { parseAddress } from "../../shared/address.ts";
import { connectFd } from "../../shared/os/connect.ts";
import type { Role } from "./role.ts";

export interface FloodParams {
  readonly address: string;
  /** Garbage that each sends, in bytes. */
  readonly bytes: number;
}

/** So many are made before it looks whether it is to stop. */
const AT_ONCE = 64;

/** Is told `go`, then `stop`. Resolves with how many connections there were. */
export const flood: Role<FloodParams, number> = async ({ address, bytes }, control) => {
  const target = parseAddress(address);
  const garbage = Buffer.from(Array.from({ length: bytes }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24));
  let made = 0;
  const over = new AbortController();
  control.ready();
  await control.told("go");
  void control.told("stop").then(() => {
    over.abort();
  });
  while (!over.signal.aborted) {
    const before = made;
    while (made < before + AT_ONCE && connectAndGo()) made++;
    // Where the broker's backlog is full, one that asked without a pause would take the processor from the pair, not the broker's time.
    await (made < before + AT_ONCE ? sleep(1) : turn());
  }
  return made;

  /** False where the backlog is full. */
  function connectAndGo(): boolean {
    let fd: number;
    try {
      fd = connectFd(target)!;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
      throw error;
    }
    try {
      writeSync(fd, garbage);
    } catch {
      // closed already
    }
    closeSync(fd);
    return true;
  }
};

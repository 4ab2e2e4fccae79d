// A flood of connections from this process: each sends garbage and is closed at once, whatever the broker makes of it.

import { closeSync, writeSync } from "node:fs";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";

import { parseAddress } from "../../shared/address.ts";
import { connectFd } from "../../shared/os/connect.ts";

const GARBAGE: Buffer = Buffer.alloc(1024, 0xc1);
const AT_ONCE = 64;

export class Flood {
  /** Connections so far. */
  made = 0;
  /** How often the backlog was full. */
  full = 0;
  readonly #target: ReturnType<typeof parseAddress>;
  readonly #loop: Promise<void>;
  #isOver = false;

  constructor(address: string) {
    this.#target = parseAddress(address);
    this.#loop = this.#run();
    this.#loop.catch(() => {}); // told by stop()
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      let left = AT_ONCE;
      while (left > 0 && this.#connectAndGo()) left--;
      this.made += AT_ONCE - left;
      if (left > 0) this.full++;
      await (left > 0 ? sleep(1) : turn());
    }
  }

  #connectAndGo(): boolean {
    let fd: number;
    try {
      fd = connectFd(this.#target)!;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
      throw error;
    }
    try {
      writeSync(fd, GARBAGE);
    } catch {
      // closed already
    }
    closeSync(fd);
    return true;
  }
}

// A flood of connections from this process: each sends garbage and is closed at once, whatever the broker makes of it, and the next one
// follows as fast as this process can.

import { closeSync, writeSync } from "node:fs";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";

import { type Address, parseAddress } from "../shared/address.ts";
import { connectFd } from "../shared/os/connect.ts";

/** So many are made before it looks whether it is to stop. */
const AT_ONCE = 64;

export class Flooder {
  /** Connections so far. */
  made = 0;
  /** How often the backlog was full. */
  full = 0;
  readonly #target: Address;
  readonly #garbage: Buffer;
  readonly #loop: Promise<void>;
  #isOver = false;

  /** Begins at once. @param garbage what each sends: no HELLO, whatever it is */
  constructor(address: string, garbage: Buffer = Buffer.alloc(1024, 0xc1)) {
    this.#target = parseAddress(address);
    this.#garbage = garbage;
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
      // Where the broker's backlog is full, one that asked without a pause would take the processor from others, not the broker's time.
      await (left > 0 ? sleep(1) : turn());
    }
  }

  /** False where the backlog is full. */
  #connectAndGo(): boolean {
    let fd: number;
    try {
      fd = connectFd(this.#target)!;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
      throw error;
    }
    try {
      writeSync(fd, this.#garbage);
    } catch {
      // closed already
    }
    closeSync(fd);
    return true;
  }
}

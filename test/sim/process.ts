// A worker process: asked one thing at a time. One that does not come back from a seed is ended, and that is an answer as well.

import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";

import type { Ask, Tell } from "./worker.ts";

/** How much of a core one seed may take: the longest takes about a second. */
const SEED_MS = 60_000;
/** How long it may take on a clock, where others have the core. */
const SEED_CLOCK_MS = 15 * 60_000;
/** Of what Linux counts a process's time in. */
const TICK_MS = 10;

export class WorkerProcess {
  readonly #child: ChildProcess;
  #seed = 0;
  #timer: NodeJS.Timeout | undefined;
  #stderr = "";
  #settle: ((tell: Tell | Error) => void) | undefined;
  /** Why it answers nothing any more. */
  #over: Error | undefined;

  constructor(bundle: string) {
    this.#child = fork(bundle, [], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#child.stderr!.on("data", (data: Buffer) => (this.#stderr = (this.#stderr + data.toString()).slice(-2000)));
    this.#child.on("message", (tell: Tell) => {
      if (this.#over !== undefined) return;
      if ("begun" in tell) this.#began(tell.begun);
      else this.#end(tell);
    });
    this.#child.on("exit", (code, signal) => {
      this.#ended(new Error(`seed ${this.#seed}: the process ended with ${signal ?? code}\n${this.#stderr}`));
    });
    this.#child.on("error", (error) => this.#ended(error));
  }

  /** The seed that is being run. */
  get seed(): number {
    return this.#seed;
  }

  /** Resolves with the answer, or with why there is none. */
  ask(ask: Ask): Promise<Tell | Error> {
    if (this.#over !== undefined) return Promise.resolve(this.#over);
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#began("order" in ask ? ask.order.from : ask.single.seed);
      // One that has just died can't be written to: its exit is the answer.
      this.#child.send(ask, () => {});
    });
  }

  kill(): void {
    clearTimeout(this.#timer);
    this.#child.kill("SIGKILL");
  }

  #began(seed: number): void {
    this.#seed = seed;
    this.#watch(performance.now(), cpuMsOf(this.#child));
  }

  /** Ends it where it has had its time, and does not come back. On a machine that is busy that is later. */
  #watch(sinceMs: number, sinceCpuMs: number, inMs = SEED_MS): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const leftMs = SEED_MS - (cpuMsOf(this.#child) - sinceCpuMs);
      if (leftMs > 0 && performance.now() - sinceMs < SEED_CLOCK_MS) {
        return this.#watch(sinceMs, sinceCpuMs, Math.max(1000, leftMs));
      }
      this.#ended(new Error(`seed ${this.#seed}: it did not end within ${SEED_MS / 1000} s`));
      this.kill();
    }, inMs);
  }

  #ended(why: Error): void {
    this.#over ??= why;
    this.#end(why);
  }

  #end(tell: Tell | Error): void {
    clearTimeout(this.#timer);
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(tell);
  }
}

/** What a process has used of a core since it began; what the clock says, where that is not to be had. */
function cpuMsOf({ pid }: ChildProcess): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Behind the name, which may have blanks in it: the 12th and the 13th are its own time and the kernel's for it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return performance.now();
  }
}

// A worker process: asked one thing at a time. One that does not come back from a seed is ended, and that is an answer as well.

import { type ChildProcess, fork } from "node:child_process";

import type { Ask, Tell } from "./worker.ts";

/** How long one seed may take: the longest takes about a second on a machine with nothing else to do. */
const SEED_MS = 60_000;

export class WorkerProcess {
  readonly #child: ChildProcess;
  #seed = 0;
  #timer: NodeJS.Timeout | undefined;
  #stderr = "";
  #settle: ((tell: Tell | Error) => void) | undefined;

  constructor(bundle: string) {
    this.#child = fork(bundle, [], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#child.stderr!.on("data", (data: Buffer) => (this.#stderr = (this.#stderr + data.toString()).slice(-2000)));
    this.#child.on("message", (tell: Tell) => {
      if ("begun" in tell) this.#began(tell.begun);
      else this.#end(tell);
    });
    this.#child.on("exit", (code, signal) => {
      this.#end(new Error(`seed ${this.#seed}: the process ended with ${signal ?? code}\n${this.#stderr}`));
    });
  }

  /** The seed that is being run. */
  get seed(): number {
    return this.#seed;
  }

  /** Resolves with the answer, or with why there is none. */
  ask(ask: Ask): Promise<Tell | Error> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#began("order" in ask ? ask.order.from : ask.single.seed);
      this.#child.send(ask);
    });
  }

  kill(): void {
    clearTimeout(this.#timer);
    this.#child.kill("SIGKILL");
  }

  #began(seed: number): void {
    this.#seed = seed;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#end(new Error(`seed ${seed}: it did not end within ${SEED_MS / 1000} s`));
      this.kill();
    }, SEED_MS);
  }

  #end(tell: Tell | Error): void {
    clearTimeout(this.#timer);
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(tell);
  }
}

// The processes that the demo starts: each this same command again. None outlives the demo: their standard input is a pipe from it,
// and its end, however it comes, is theirs; at an orderly end they get a moment, and then no more.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

import { CommandFailure } from "../usage.ts";

/** How long they may take to end by themselves. */
const PATIENCE_MS = 3000;

const MAX_TAIL_CHARS = 4096;

export class Processes {
  readonly #children: ChildProcess[] = [];
  #isEnding = false;
  #fail: (error: Error) => void = () => {};
  /** Rejects when one of them fails. */
  readonly failed: Promise<never> = new Promise((_, reject) => {
    this.#fail = reject;
  });

  constructor() {
    this.failed.catch(() => {});
    process.once("exit", () => this.#kill());
  }

  /** Starts `podbus ARGS…`; `what` is how a failure names it. */
  start(what: string, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [process.argv[1]!, ...args], { stdio: ["pipe", "ignore", "pipe"] });
    this.#children.push(child);
    let tail = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-MAX_TAIL_CHARS);
    });
    child.stdin!.on("error", () => {}); // it ended, which is told below
    child.once("error", (error) => this.#fail(error));
    child.once("close", (code, signal) => {
      if (this.#isEnding || code === 0) return;
      const last = tail
        .trim()
        .split("\n")
        .at(-1)!
        .replace(/^podbus: /, "");
      const how = signal === null ? `exited with ${code}` : `was ended by ${signal}`;
      this.#fail(new CommandFailure(`the ${what} ${how}${last === "" ? "" : `: ${last}`}`));
    });
    return child;
  }

  /** Ends those that still run, the last one started first, so that the broker, which is the first, sees its clients go. */
  async end(): Promise<void> {
    this.#isEnding = true;
    const timer = setTimeout(() => this.#kill(), PATIENCE_MS);
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.stdin!.end();
      await once(child, "exit");
    }
    clearTimeout(timer);
  }

  #kill(): void {
    this.#isEnding = true;
    for (const child of this.#children) child.kill("SIGKILL");
  }
}

// Real processes for the examples' suite: started, read line by line, and ended with it. Knows nothing of what they are.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

import { vi } from "vitest";

export type Command = readonly [file: string, ...args: string[]];

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a line, or an end, may take before the test is told what came instead. */
const PATIENCE_MS = 30_000;

/** A process that runs on while others speak with it. */
export class Running {
  readonly #child: ChildProcess;
  readonly #command: string;
  readonly #ended: Promise<unknown>;
  #stdout = "";
  #stderr = "";

  constructor([file, ...args]: Command, { env = {}, cwd }: StartOptions = {}) {
    this.#command = [file, ...args].join(" ");
    this.#child = spawn(file, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      ...(cwd !== undefined && { cwd }),
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.#ended = once(this.#child, "close");
    this.#ended.catch((error: Error) => (this.#stderr += error.message));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves once a whole line of standard output is this one. */
  async line(expected: string): Promise<void> {
    await vi.waitFor(
      () => {
        if (!this.#stdout.split("\n").slice(0, -1).includes(expected))
          throw new Error(`${this.#command}: no line "${expected}"\n${this.#stdout}${this.#stderr}`);
      },
      { timeout: PATIENCE_MS, interval: 20 },
    );
  }

  /** Resolves once it has ended by itself. */
  async result(): Promise<Result> {
    await this.#within(PATIENCE_MS);
    return { code: this.#child.exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends it, by force where it does not heed SIGTERM. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#within(5_000).catch(() => this.#child.kill("SIGKILL"));
    await this.#ended.catch(() => {});
  }

  async #within(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.#command} runs on\n${this.#stdout}${this.#stderr}`)), ms);
    });
    try {
      await Promise.race([this.#ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Starts processes, and ends all that still run. */
export class Processes {
  readonly #running: Running[] = [];

  start(command: Command, options?: StartOptions): Running {
    const running = new Running(command, options);
    this.#running.push(running);
    return running;
  }

  /** Runs a command to its end. */
  async run(command: Command, options?: StartOptions): Promise<Result> {
    return await this.start(command, options).result();
  }

  /** Runs a command that has to succeed: what it printed. */
  async succeed(command: Command, options?: StartOptions): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, options);
    if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((running) => running.stop()));
  }
}

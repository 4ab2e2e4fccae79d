// The processes of the examples' suite: commands of any language, ended together. Knows nothing of what they are.

import { type Result, Running, type StartOptions } from "../support/processes.ts";

export type Command = readonly [file: string, ...args: string[]];

/** Starts processes, and ends all that still run. */
export class Processes {
  readonly #started: Running[] = [];

  start([file, ...args]: Command, options?: StartOptions): Running {
    const running = new Running(file, args, options);
    this.#started.push(running);
    return running;
  }

  /** Runs a command to its end. */
  async run(command: Command, options?: StartOptions): Promise<Result> {
    return await this.start(command, options).ended;
  }

  /** Runs a command that has to succeed: what it printed. */
  async succeed(command: Command, options?: StartOptions): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, options);
    if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#started.splice(0).map((running) => running.stop()));
  }
}

/** Resolves once a whole line of standard output is this one. */
export async function printsLine(running: Running, line: string): Promise<void> {
  await running.until((stdout) => stdout.split("\n").slice(0, -1).includes(line));
}

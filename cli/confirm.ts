// Asks before something is lost for good: on a terminal; elsewhere it has to be said beforehand, with --yes.

import { createInterface } from "node:readline";
import type { ReadStream, WriteStream } from "node:tty";

import { CommandFailure, exitCodeOfSignal } from "./usage.ts";

/** Where a question is asked. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & Pick<ReadStream, "isTTY">;
  readonly output: NodeJS.WritableStream & Pick<WriteStream, "isTTY">;
}

/**
 * Resolves where the answer to "`what`; go on?" is y or yes.
 * @throws CommandFailure for any other answer, and where nobody can be asked.
 */
export async function confirm(
  what: string,
  terminal: Terminal = { input: process.stdin, output: process.stderr },
): Promise<void> {
  const { input, output } = terminal;
  if (input.isTTY !== true || output.isTTY !== true) throw new CommandFailure(`${what}; add --yes to do it`);
  const answer = await new Promise<string>((resolve) => {
    const lines = createInterface({ input, output });
    lines.on("SIGINT", () => process.exit(exitCodeOfSignal("SIGINT")));
    lines.on("close", () => resolve(""));
    lines.question(`${what}; go on? [y/N] `, (text) => {
      resolve(text);
      lines.close();
    });
  });
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandFailure("nothing was done");
}

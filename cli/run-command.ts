// From what a command does to an exit code: errors become one line on standard error, and what was printed is out before the end.

import { CommanderError } from "commander";

import { dropEmptyVariables } from "./environment.ts";
import { out } from "./output.ts";
import { errorLine, Exit, exitCodeOf, usageOf } from "./usage.ts";

/** Runs the command of that name. Never rejects. */
export async function runCommand(name: string, run: () => Promise<number>): Promise<number> {
  dropEmptyVariables();
  try {
    return await run();
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return Exit.DONE; // --help, which has been shown
      process.stderr.write(`${errorLine(usageOf(error.message, name))}\n`);
      return Exit.USAGE;
    }
    process.stderr.write(`${errorLine(error)}\n`);
    return exitCodeOf(error);
  } finally {
    await out.flushed();
  }
}

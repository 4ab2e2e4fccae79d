// From what a command does to an exit code: errors become one line on standard error, and what was printed is out before the end.

import { CommanderError } from "commander";

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

/** An empty variable is one that is not set, for the client, too: that is how many tools unset them. */
function dropEmptyVariables(): void {
  for (const [name, value] of Object.entries(process.env)) {
    if (value === "" && name.startsWith("PODBUS_")) delete process.env[name];
  }
}

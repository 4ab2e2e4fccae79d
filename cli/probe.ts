// `podbus ping` alone, as the container image has it beside the whole command: a probe that runs every few seconds loads a third of the
// code. Does what dispatch.ts would do.

import { run } from "./commands/ping.ts";
import { runCommand } from "./run-command.ts";

void runCommand("ping", () => run(process.argv.slice(3))).then((exitCode) => process.exit(exitCode));

// `podbus queue ACTION`: which there are, and loads the one that is asked for.

import { CommanderError } from "commander";

import { printable } from "../../shared/printable.ts";
import type { Run } from "../dispatch.ts";
import { out } from "../output.ts";
import { Exit, UsageError, usageOf } from "../usage.ts";

interface Action {
  readonly usage: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly run: Run }>;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  ls: { usage: "", summary: "list the queues", load: () => import("./queue/ls.ts") },
  show: { usage: " NAME", summary: "show one, with its options and counters", load: () => import("./queue/show.ts") },
  set: {
    usage: " NAME OPTION=VALUE...",
    summary: "change options while it lives",
    load: () => import("./queue/set.ts"),
  },
  purge: { usage: " NAME", summary: "drop all that waits in it", load: () => import("./queue/purge.ts") },
  rm: { usage: " NAME", summary: "remove it, with all that waits in it", load: () => import("./queue/rm.ts") },
  wait: { usage: " NAME", summary: "wait until it is empty", load: () => import("./queue/wait.ts") },
  replay: { usage: " NAME", summary: "put dead letters back where they died", load: () => import("./queue/replay.ts") },
};

export const run: Run = async (args) => {
  const [name, ...rest] = args;
  if (name === "--help" || name === "-h" || name === "help") {
    await out.write(help());
    return Exit.DONE;
  }
  const action = name !== undefined && Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    const known = `podbus queue has ${Object.keys(ACTIONS).join(", ")}; see podbus queue --help`;
    if (name === undefined) throw new UsageError(`an action is missing: ${known}`);
    if (name.startsWith("-")) throw new UsageError(`options come behind the action: ${known}`);
    throw new UsageError(`there is no action "${printable(name, 40)}": ${known}`);
  }
  const { run } = await action.load();
  try {
    return await run(rest);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode !== 0) throw usageOf(error.message, `queue ${name}`);
    throw error;
  }
};

function help(): string {
  const lines = Object.entries(ACTIONS).map(
    ([name, { usage, summary }]) => `  ${(name + usage).padEnd(25)} ${summary}`,
  );
  return `Usage: podbus queue ACTION [options]

Actions:
${lines.join("\n")}

podbus queue ACTION --help shows an action's options, with examples.
`;
}

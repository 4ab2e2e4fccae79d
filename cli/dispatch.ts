// From the arguments to an exit code. Knows which commands there are, and loads the one that is asked for and nothing else:
// `podbus ping` as a probe, and `podbus serve` as a sidecar, start in little more than Node itself takes.

import { printable } from "../shared/printable.ts";
import { VERSION } from "../shared/version.ts";
import { out } from "./output.ts";
import { runCommand } from "./run-command.ts";
import { Exit, UsageError } from "./usage.ts";

/** What a command's module exports: parses its arguments, does it, and resolves with the exit code. */
export type Run = (args: readonly string[]) => Promise<number>;

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<{ readonly run: Run }>;
  /** Started by other commands; not in the list. */
  readonly hidden?: true;
}

const COMMANDS: Record<string, Entry> = {
  serve: { summary: "run the broker", load: () => import("./commands/serve.ts") },
  pub: { summary: "publish messages", load: () => import("./commands/pub.ts") },
  sub: { summary: "print the messages of a pattern", load: () => import("./commands/sub.ts") },
  request: { summary: "call a topic and print the answer", load: () => import("./commands/request.ts") },
  respond: { summary: "answer calls with what a command prints", load: () => import("./commands/respond.ts") },
  queue: { summary: "list, change and empty queues, replay dead letters", load: () => import("./commands/queue.ts") },
  ls: { summary: "list the sockets here, and who holds them", load: () => import("./commands/ls.ts") },
  ping: { summary: "see whether the broker answers", load: () => import("./commands/ping.ts") },
  wait: { summary: "wait until somebody listens on a topic", load: () => import("./commands/wait.ts") },
  stats: { summary: "show the broker's counters", load: () => import("./commands/stats.ts") },
  "check-config": { summary: "check options, secrets and rules", load: () => import("./commands/check-config.ts") },
  can: { summary: "tell what the rules let somebody do, and why", load: () => import("./commands/can.ts") },
  doctor: {
    summary: "see what stands in the way here, and what to change",
    load: () => import("./commands/doctor.ts"),
  },
  demo: { summary: "move every file of a folder through a bus", load: () => import("./commands/demo.ts") },
  "demo-producer": { summary: "", load: () => import("./demo/producer.ts"), hidden: true },
  "demo-worker": { summary: "", load: () => import("./demo/worker.ts"), hidden: true },
};

/** Runs `podbus ARGS…`. Never rejects: what went wrong is one line on standard error. */
export function dispatch(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  return runCommand(first ?? "", () => start(first, rest));
}

async function start(name: string | undefined, args: readonly string[]): Promise<number> {
  if (name === undefined) {
    process.stderr.write(help());
    return Exit.USAGE;
  }
  if (name === "help" || name === "--help" || name === "-h") {
    const [about, ...rest] = args;
    if (about !== undefined && Object.hasOwn(COMMANDS, about)) return start(about, [...rest, "--help"]);
    await out.write(help());
    return Exit.DONE;
  }
  if (name === "--version" || name === "-V") {
    await out.line(VERSION);
    return Exit.DONE;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name]! : undefined;
  if (entry === undefined) {
    const noun = name.startsWith("-") ? "option" : "command";
    const hint = name.startsWith("-") ? "options come behind the command; " : "";
    throw new UsageError(`there is no ${noun} "${printable(name, 40)}"; ${hint}see podbus --help`);
  }
  const { run } = await entry.load();
  return run(args);
}

function help(): string {
  const shown = Object.entries(COMMANDS).filter(([, { hidden }]) => hidden !== true);
  const lines = shown.map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`);
  return `podbus: a message bus for the containers of one pod, over one Linux abstract socket

Usage: podbus COMMAND [options]

Commands:
${lines.join("\n")}

podbus COMMAND --help shows a command's options, with examples; podbus --version the version.

Try it, in three terminals:
  podbus serve
  podbus sub 'orders.>'
  podbus pub orders.eu.created '{"id":1}'
`;
}

// `podbus queue`: lists, shows, changes, purges and removes the broker's queues, and replays dead letters. Each is one request to the
// broker, whose answer is shown.

import { Argument, Option } from "commander";

import { hasCode, withBus } from "../bus.ts";
import { type ConnectionOptions, countOption, durationOption, newCommand, withConnection } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { displayLine, toJson } from "../display.ts";
import { out } from "../output.ts";
import { table } from "../table.ts";
import { formatCount, formatDuration, parseDuration, parseSize } from "../units.ts";
import { CommandFailure, Exit, UsageError } from "../usage.ts";

const ACTIONS = ["ls", "show", "set", "purge", "rm", "replay"] as const;
type Action = (typeof ACTIONS)[number];

/** The topic that each action calls. */
const TOPICS: Record<Action, string> = {
  ls: "$sys.queues",
  show: "$sys.queue.show",
  set: "$sys.queue.update",
  purge: "$sys.queue.purge",
  rm: "$sys.queue.remove",
  replay: "$sys.queue.replay",
};

interface QueueOptions extends ConnectionOptions {
  timeout: number;
  json?: true;
  yes?: true;
  count?: number;
}

interface Described {
  readonly queue: string;
  readonly pattern: string;
  readonly members: readonly number[];
  readonly oldestMs: number;
  readonly options: Record<string, unknown>;
  readonly [counter: string]: unknown;
}

export const run: Run = async (args) => {
  const command = withConnection(
    newCommand("queue", "Lists, shows, changes, purges and removes queues, and replays dead letters.", [
      { line: "podbus queue ls", what: "every queue, its members, what waits and for how long" },
      { line: "podbus queue show billing", what: "one, with its options and counters" },
      { line: "podbus queue set billing maxMessages=100000 ackTimeoutMs=2m", what: "changes options while it lives" },
      { line: "podbus queue set billing deadLetter=", what: "takes its dead letters' topic away" },
      { line: "podbus queue purge billing --yes", what: "drops all that waits in it" },
      { line: "podbus queue rm billing --yes", what: "removes it; its members are told" },
      { line: "podbus queue replay dead --count 10", what: "puts dead letters back where they died" },
    ]),
  )
    .addArgument(new Argument("<action>", "what to do").choices(ACTIONS))
    .argument("[queue]", "the queue's name")
    .argument("[changes...]", "with set: OPTION=VALUE")
    .option("--yes", "with purge and rm: do it; without it they say what would be lost, and fail")
    .addOption(new Option("--count <n>", "with replay: at most so many").argParser(countOption()))
    .addOption(
      new Option("--timeout <duration>", "how long to wait for the answer")
        .argParser(durationOption)
        .default(5000, "5s"),
    )
    .option("--json", "print the answer as JSON");
  command.parse(args, { from: "user" });
  const [action, queue, changes] = command.processedArgs as [Action, string | undefined, string[] | undefined];
  const options = command.opts<QueueOptions>();
  const asked = argumentsOf(action, queue, changes ?? [], options);
  await withBus(options, async (bus) => {
    const ask = async (topic: string): Promise<unknown> => {
      try {
        return await bus.request(topic, asked, { timeoutMs: options.timeout });
      } catch (error) {
        if (hasCode(error, "application")) throw new CommandFailure((error as Error).message, { cause: error });
        throw error;
      }
    };
    if ((action === "purge" || action === "rm") && options.yes !== true) {
      const { waiting } = (await ask(TOPICS.show)) as { waiting: number };
      throw new CommandFailure(`${queue} has ${waiting} messages waiting, which would be dropped; add --yes to do it`);
    }
    const answer = await ask(TOPICS[action]);
    if (options.json) await out.line(toJson(answer));
    else await out.write(shown(action, answer));
  });
  return Exit.DONE;
};

function argumentsOf(
  action: Action,
  queue: string | undefined,
  changes: readonly string[],
  { count }: QueueOptions,
): Record<string, unknown> {
  if (count !== undefined && action !== "replay") throw new UsageError("--count goes with queue replay");
  if (action === "ls") {
    if (queue !== undefined) throw new UsageError("queue ls takes no name; see one with podbus queue show NAME");
    return {};
  }
  if (queue === undefined) throw new UsageError(`queue ${action} needs the queue's name; podbus queue ls has them`);
  if (action !== "set" && changes.length > 0) throw new UsageError(`queue ${action} takes one name`);
  if (action === "set" && changes.length === 0) throw new UsageError("queue set needs OPTION=VALUE");
  return { queue, ...Object.fromEntries(changes.map(changeOf)), ...(count === undefined ? {} : { count }) };
}

/** `OPTION=VALUE`: durations where the option's name ends in Ms, sizes where it ends in Bytes, numbers, else text. */
function changeOf(text: string): [string, unknown] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`expected OPTION=VALUE, not ${displayLine(text, true)}`);
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  if (value === "") return [name, null];
  const parse = name.endsWith("Ms") ? parseDuration : parseSize;
  return [name, (/^\d/.test(value) ? parse(value) : undefined) ?? value];
}

function shown(action: Action, answer: unknown): string {
  if (action === "ls") return listed((answer as { queues: readonly Described[] }).queues);
  if (action !== "show" && action !== "set") {
    return table(Object.entries(answer as Record<string, unknown>).map(([name, value]) => [name, cell(name, value)]));
  }
  const { options, ...rest } = answer as Described;
  const rows = Object.entries(rest).map(([name, value]) => [name, cell(name, value)]);
  const set = Object.entries(options).filter(([, value]) => value !== null && value !== undefined);
  return table([...rows, ...set.map(([name, value]) => [`option ${name}`, cell(name, value)])]);
}

function listed(queues: readonly Described[]): string {
  if (queues.length === 0) return "there are no queues\n";
  const header = ["QUEUE", "PATTERN", "MEMBERS", "WAITING", "OLDEST", "IN FLIGHT", "SETTLED", "DROPPED", "DEAD"];
  const rows = queues.map(({ queue, pattern, members, oldestMs, ...counts }) => [
    queue,
    pattern,
    String(members.length),
    cell("", counts["waiting"]),
    counts["waiting"] === 0 ? "-" : formatDuration(oldestMs),
    ...["inFlight", "settled", "dropped", "dead"].map((name) => cell("", counts[name])),
  ]);
  return table([header, ...rows]);
}

function cell(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(", ");
  if (typeof value !== "number") return displayLine(value, true);
  return name.endsWith("Ms") ? formatDuration(value) : formatCount(value);
}

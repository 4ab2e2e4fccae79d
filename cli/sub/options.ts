// The options of `podbus sub` that are the subscription's, a row each: what they mean, and what holds where one is left out, is the
// broker's to say.

import { type Command, InvalidArgumentError, Option } from "commander";

import type { SubscribeOptions } from "../../client/index.ts";
import { topicArgument } from "../command.ts";
import { type NumberKind, parseNumber, shownAs } from "../numbers.ts";
import { UsageError } from "../usage.ts";

type Name = keyof SubscribeOptions;

interface Row {
  readonly flag: string;
  readonly name: Name;
  readonly what: string;
  /** Whether it means nothing without a queue. */
  readonly needsQueue?: true;
}

const FLAGS: readonly Row[] = [
  { flag: "ack", name: "ack", what: "acknowledge each message once it is printed", needsQueue: true },
  { flag: "keep", name: "keep", what: "the queue outlives its members", needsQueue: true },
  { flag: "durable", name: "durable", what: "the queue is kept on the broker's disk", needsQueue: true },
];

const NUMBERS: readonly (Row & NumberKind)[] = [
  {
    flag: "prefetch",
    name: "prefetch",
    kind: "count",
    minimum: 1,
    what: "messages that may be taken and not printed yet",
    needsQueue: true,
  },
  {
    flag: "ack-timeout",
    name: "ackTimeoutMs",
    kind: "duration",
    minimum: 0,
    what: "after that a message that is not acknowledged is delivered again; 0: never",
    needsQueue: true,
  },
  {
    flag: "max-attempts",
    name: "maxAttempts",
    kind: "count",
    minimum: 0,
    what: "after so many attempts a message is dead; 0: no limit",
    needsQueue: true,
  },
  {
    flag: "dedupe",
    name: "dedupeMs",
    kind: "duration",
    minimum: 0,
    what: "a message whose header id came within that time is not taken again",
    needsQueue: true,
  },
  { flag: "max-messages", name: "maxMessages", kind: "count", minimum: 1, what: "messages that may wait" },
  { flag: "max-bytes", name: "maxBytes", kind: "size", minimum: 1, what: "bytes that may wait" },
];

const OVERFLOW = ["block", "drop-oldest", "drop-newest", "latest", "disconnect"] as const;

/** Adds them to the command `sub`. */
export function withSubscribeOptions(command: Command): Command {
  command.option("--queue <name>", "be a member of a queue: each message goes to one member", topicArgument);
  for (const { flag, what, needsQueue } of FLAGS) command.option(`--${flag}`, described(what, needsQueue));
  for (const row of NUMBERS) {
    command.addOption(
      new Option(`--${row.flag} <${shownAs(row)}>`, described(row.what, row.needsQueue)).argParser((text: string) =>
        parseNumber(row, text),
      ),
    );
  }
  return command
    .option("--dead-letter <topic>", described("the topic that dead messages go to", true), topicArgument)
    .addOption(
      new Option(
        "--partition-by <key|n>",
        described("messages of one key go to one member at a time, in order", true),
      ).argParser(partitionBy),
    )
    .addOption(
      new Option("--overflow <policy>", "what happens when this reader can't keep up (default: block)").choices(
        OVERFLOW,
      ),
    )
    .option("--no-retained", "leave out the values that were kept before; a queue has none");
}

/** Of the command, once it has parsed its arguments. @throws UsageError for those that need a queue and have none. */
export function subscribeOptions(command: Command): SubscribeOptions {
  const given = command.opts<Record<string, unknown>>();
  const options: Record<string, unknown> = {};
  for (const [flag, name] of FLAG_NAMES) {
    const value = given[camel(flag)];
    if (value !== undefined) options[name] = value;
  }
  if (options["queue"] === undefined) {
    const stray = NEED_QUEUE.find((flag) => given[camel(flag)] !== undefined);
    if (stray !== undefined) throw new UsageError(`--${stray} needs --queue NAME`);
    if (given["retained"] === false) options["retained"] = false;
  }
  return options;
}

/** Every flag, and the option that it stands for. */
const FLAG_NAMES: readonly (readonly [string, Name])[] = [
  ["queue", "queue"],
  ...[...FLAGS, ...NUMBERS].map(({ flag, name }) => [flag, name] as const),
  ["dead-letter", "deadLetter"],
  ["partition-by", "partitionBy"],
  ["overflow", "overflow"],
];

const NEED_QUEUE: readonly string[] = [
  ...[...FLAGS, ...NUMBERS].filter(({ needsQueue }) => needsQueue).map(({ flag }) => flag),
  "dead-letter",
  "partition-by",
];

function described(what: string, needsQueue: boolean | undefined): string {
  return needsQueue === true ? `with --queue: ${what}` : what;
}

function partitionBy(text: string): "key" | number {
  if (text === "key") return text;
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(
    `expected key, for the header of that name, or the number of a token of the topic, from 1`,
  );
}

/** `ack-timeout` to `ackTimeout`, as commander names it. */
function camel(flag: string): string {
  return flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

// What all commands have in common on the command line: how one is made with commander, its shared options, examples under
// --help, and values that are checked while they are parsed. It connects to nothing.

import { Command, InvalidArgumentError, Option } from "commander";

import { parseAddress } from "../shared/address.ts";
import { PodbusError } from "../shared/errors.ts";
import { DEFAULT_ADDRESS, MAX_NAME_BYTES } from "../shared/protocol.ts";
import { patternTextProblem, topicTextProblem } from "../shared/topic.ts";
import { DURATION_EXPECTED, parseCount, parseDuration } from "./units.ts";

/** Options of every command that connects. */
export interface ConnectionOptions {
  address: string;
  name: string;
  secretFile?: string;
  brokerUid?: number;
  /** Milliseconds. */
  connectTimeout: number;
}

export interface Example {
  readonly line: string;
  readonly what: string;
}

/** A command `podbus NAME` whose errors are thrown, and which says nothing by itself. */
export function newCommand(name: string, summary: string, examples: readonly Example[]): Command {
  const command = new Command(`podbus ${name}`)
    .description(summary)
    .helpOption("-h, --help", "show this help")
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .configureHelp({ helpWidth: 100 });
  const width = Math.max(...examples.map(({ line }) => line.length));
  const lines = examples.map(({ line, what }) => `  ${line.padEnd(width)}  # ${what}`);
  return command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/** Adds `--address`, `--name`, `--secret-file`, `--broker-uid` and `--connect-timeout` to a command that connects. */
export function withConnection(command: Command, connectTimeout = "1s"): Command {
  const name = command.name();
  return withAddress(command)
    .addOption(
      new Option("--name <name>", "what the broker calls this client in its lists")
        .env("PODBUS_NAME")
        .argParser(parseName)
        .default(name),
    )
    .addOption(
      new Option("--secret-file <path>", "the secret to prove: a file, or a folder with one for each name").env(
        "PODBUS_SECRET_FILE",
      ),
    )
    .addOption(
      new Option("--broker-uid <uid>", "the user that the broker must run as")
        .env("PODBUS_BROKER_UID")
        .argParser(countOption(0)),
    )
    .addOption(
      new Option("--connect-timeout <duration>", "how long to try to reach the broker")
        .argParser(durationOption)
        .default(duration(connectTimeout), connectTimeout),
    );
}

/** Adds `--timeout`, of a question to the broker. */
export function withTimeout(command: Command): Command {
  return command.addOption(
    new Option("--timeout <duration>", "how long to wait for the answer").argParser(durationOption).default(5000, "5s"),
  );
}

/** Adds `--address` alone. */
export function withAddress(command: Command, { autobind = false }: { autobind?: boolean } = {}): Command {
  return command.addOption(
    new Option("--address <address>", "the broker's address: @NAME, or a path that begins with / or .")
      .env("PODBUS_ADDRESS")
      .argParser((text: string) => parseAddressOption(text, autobind))
      .default(DEFAULT_ADDRESS),
  );
}

/** For `.argument()`: a topic. */
export function topicArgument(text: string): string {
  return valid(text, topicTextProblem(text));
}

/** For `.argument()`: a topic that clients may publish to. */
export function publishedTopicArgument(text: string): string {
  if (text.startsWith("$"))
    throw new InvalidArgumentError("topics that begin with $ are the broker's own: choose another");
  return topicArgument(text);
}

/** For `.argument()`: a pattern. */
export function patternArgument(text: string): string {
  return valid(text, patternTextProblem(text));
}

/** For `.argument("<pattern...>")`: each a pattern. */
export function patternArguments(text: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), patternArgument(text)];
}

/** For `.option()`: milliseconds. */
export function durationOption(text: string): number {
  return duration(text);
}

/** For `.option()`: a whole number from `minimum` up. */
export function countOption(minimum = 1): (text: string) => number {
  return (text) => {
    const count = parseCount(text);
    if (count !== undefined && count >= minimum) return count;
    throw new InvalidArgumentError(`expected a whole number from ${minimum} up`);
  };
}

/** For a repeated `--header key=value`. Numbers, true and false are themselves where they are written as JSON writes them. */
export function headerOption(
  text: string,
  previous: Record<string, string | number | boolean> | undefined,
): Record<string, string | number | boolean> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("expected KEY=VALUE");
  return { ...previous, [text.slice(0, at)]: headerValue(text.slice(at + 1)) };
}

function headerValue(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  const number = Number(text);
  return text !== "" && Number.isFinite(number) && String(number) === text ? number : text;
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError(`expected ${DURATION_EXPECTED}`);
  return ms;
}

function parseAddressOption(text: string, autobind: boolean): string {
  try {
    return parseAddress(text, { autobind }).text;
  } catch (error) {
    if (error instanceof PodbusError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

function parseName(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes >= 1 && bytes <= MAX_NAME_BYTES && !/\p{Cc}/u.test(text)) return text;
  throw new InvalidArgumentError(`expected 1 to ${MAX_NAME_BYTES} bytes without control characters`);
}

function valid(text: string, problem: string | undefined): string {
  if (problem !== undefined) throw new InvalidArgumentError(problem);
  return text;
}

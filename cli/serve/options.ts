// The broker's options as `serve` takes them: each a flag and an environment variable of the same name, checked when it is read. What
// they mean, and what holds where one is left out, is the broker's to say; the defaults here are for --help alone.

import { type Command, InvalidArgumentError, Option } from "commander";

import type { BrokerOptions } from "../../broker/index.ts";
import { LOG_LEVELS, type LogLevel } from "../../shared/log-level.ts";
import {
  DEFAULT_GRACE_MS,
  DEFAULT_HANDSHAKE_MS,
  DEFAULT_HEADROOM_BYTES,
  DEFAULT_HEARTBEAT_MS,
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_STALL_MS,
} from "../../shared/protocol.ts";
import { withAddress } from "../command.ts";
import { type NumberKind, parseNumber, shownAs } from "../numbers.ts";
import { formatBytes } from "../units.ts";

/** What `serve` was told: the broker's options, and its own. */
export interface ServeOptions {
  readonly broker: BrokerOptions;
  readonly logLevel: LogLevel;
  /** Ends when its standard input does: for a broker that must not outlive who started it. */
  readonly withParent: boolean;
}

type NumberOption =
  | "memoryLimit"
  | "maxFrame"
  | "maxConnections"
  | "maxSubscriptions"
  | "maxRetained"
  | "maxQueues"
  | "maxRequests"
  | "headroom"
  | DurationOption;
type DurationOption = "handshakeMs" | "heartbeatMs" | "stallMs" | "graceMs";

interface Described extends NumberKind {
  readonly name: NumberOption;
  readonly what: string;
  readonly usual: string;
}

const seconds = (ms: number): string => `${ms / 1000}s`;

const NUMBERS: readonly Described[] = [
  {
    name: "memoryLimit",
    kind: "size",
    minimum: 1024 * 1024,
    what: "what the broker may hold for others",
    usual: "half of the container's limit, or 256MiB",
  },
  {
    name: "maxFrame",
    kind: "size",
    minimum: 4096,
    what: "the largest frame that a client may send",
    usual: formatBytes(DEFAULT_MAX_FRAME_BYTES),
  },
  {
    name: "maxConnections",
    kind: "count",
    minimum: 1,
    what: "connections at once",
    usual: "4096, or what the open-files limit leaves",
  },
  { name: "maxSubscriptions", kind: "count", minimum: 1, what: "subscriptions of one connection", usual: "10000" },
  { name: "maxRetained", kind: "count", minimum: 0, what: "topics whose latest value is kept", usual: "10000" },
  { name: "maxQueues", kind: "count", minimum: 0, what: "queues", usual: "10000" },
  { name: "maxRequests", kind: "count", minimum: 1, what: "unanswered requests of one connection", usual: "10000" },
  {
    name: "headroom",
    kind: "size",
    minimum: 0,
    what: "what a publisher may send to topics that are held before it is paused",
    usual: formatBytes(DEFAULT_HEADROOM_BYTES),
  },
  {
    name: "handshakeMs",
    kind: "duration",
    minimum: 1,
    what: "how long a client may take to say hello",
    usual: seconds(DEFAULT_HANDSHAKE_MS),
  },
  {
    name: "heartbeatMs",
    kind: "duration",
    minimum: 1,
    what: "silence after which a side asks the other",
    usual: seconds(DEFAULT_HEARTBEAT_MS),
  },
  {
    name: "stallMs",
    kind: "duration",
    minimum: 1,
    what: "how long a receiver that makes no progress may hold others up",
    usual: seconds(DEFAULT_STALL_MS),
  },
  {
    name: "graceMs",
    kind: "duration",
    minimum: 0,
    what: "how long it delivers what is queued when it is told to end",
    usual: seconds(DEFAULT_GRACE_MS),
  },
];

const TEXTS: readonly { name: "allow" | "secretFile" | "rules"; shown: string; what: string }[] = [
  {
    name: "allow",
    shown: "who",
    what: "who may connect beside root and the broker's own user: uid:1001,gid:2000, or any (default: nobody)",
  },
  {
    name: "secretFile",
    shown: "path",
    what: "the secret that clients must prove: a file, or a folder with one for each identity (default: none)",
  },
  { name: "rules", shown: "file", what: "YAML or JSON that says who may do what (default: everybody everything)" },
];

/** Adds the options to the command `serve`. */
export function withServeOptions(command: Command): Command {
  withAddress(command, { autobind: true }).addOption(
    new Option("--data <dir>", "the folder of durable queues and retained values (default: none, nothing is kept)").env(
      environmentName("data"),
    ),
  );
  for (const { name, shown, what } of TEXTS) {
    command.addOption(new Option(`--${dashed(name)} <${shown}>`, what).env(environmentName(name)));
  }
  for (const option of NUMBERS) {
    command.addOption(
      new Option(`--${dashed(option.name)} <${shownAs(option)}>`, `${option.what} (default: ${option.usual})`)
        .env(environmentName(option.name))
        .argParser((text: string) => parseNumber(option, text)),
    );
  }
  return command
    .addOption(
      new Option("--wait [boolean]", "wait until the address, and the data directory, is free instead of failing")
        .env(environmentName("wait"))
        .argParser(parseBoolean),
    )
    .addOption(
      new Option("--log-level <level>", "what is logged")
        .env(environmentName("logLevel"))
        .choices(LOG_LEVELS)
        .default("info"),
    )
    .addOption(new Option("--with-parent").hideHelp());
}

/** Of a command that has these options, once it has parsed its arguments. */
export function serveOptions(command: Command): ServeOptions {
  const {
    logLevel,
    withParent,
    wait,
    json: _json,
    ...broker
  } = command.opts<BrokerOptions & { logLevel: LogLevel; withParent?: true; json?: true }>();
  return { broker: { ...broker, wait: wait === true }, logLevel, withParent: withParent === true };
}

/** `maxFrame` to `max-frame`. */
function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `maxFrame` to `PODBUS_MAX_FRAME`. */
export function environmentName(name: string): string {
  return `PODBUS_${dashed(name).replaceAll("-", "_").toUpperCase()}`;
}

function parseBoolean(text: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off|)$/i.test(text)) return false;
  throw new InvalidArgumentError("expected true or false");
}

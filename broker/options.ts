// The broker's options, from the user's side: what each means, its unit, its default, and what is refused.

import { PodbusError } from "../shared/errors.ts";
import { LOG_LEVELS, type LogLevel } from "../shared/log-level.ts";
import { checkOptionNames } from "../shared/option-names.ts";
import { connectionsWithin, openFilesLimit, RESERVED_FILES } from "../shared/os/open-files.ts";
import {
  DEFAULT_ADDRESS,
  DEFAULT_GRACE_MS,
  DEFAULT_HANDSHAKE_MS,
  DEFAULT_HEADROOM_BYTES,
  DEFAULT_HEARTBEAT_MS,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_STALL_MS,
  MAX_HELLO_BYTES,
} from "../shared/protocol.ts";
import { parseAllow } from "./allow.ts";
import type { Allow } from "./core/allow.ts";
import { atLevel } from "./log-level.ts";

/** Takes the broker's log: pino has this form, console nearly. */
export interface BrokerLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface BrokerOptions {
  /**
   * Where to listen: `@name` is an abstract socket, a text that begins with `/` or `.` a file-system socket, `@` alone an
   * abstract socket whose name the kernel picks. @default "@podbus"
   */
  address?: string;
  /**
   * A folder for durable queues and retained values, made where it does not exist, and no other broker's. @default none: nothing
   * survives the broker
   */
  data?: string;
  /**
   * Who may connect beside root and the broker's own user, by the kernel's word: a list such as `uid:1001,gid:2000` (of a group the
   * primary one counts), or `any`. @default nobody else
   */
  allow?: string;
  /**
   * The secret that clients must prove to have, and the broker proves to them: a file, or a folder of several, `common` and one for
   * each identity. A secret is the file's bytes less one final line break, at least 16. @default none: nothing is asked
   */
  secretFile?: string;
  /**
   * A file of rules, YAML or JSON, that say who may publish, subscribe, request, respond, use which queue, read `$sys` and
   * administer. What no rule permits is refused. @default none: whoever is connected may do everything
   */
  rules?: string;
  /** Whether to wait for the address where another broker has it, instead of failing with `address_in_use`. @default false */
  wait?: boolean;
  /** The largest frame that a client may send, in bytes, all of it counted. At least 4096. @default 16777216 (16 MiB) */
  maxFrame?: number;
  /** Connections at once; one more is refused with `limit`. @default 4096, or the open-files limit less 64 where that is less */
  maxConnections?: number;
  /** Subscriptions, responders and queue memberships of one connection. @default 10000 */
  maxSubscriptions?: number;
  /** Topics that may have a retained value. @default 10000 */
  maxRetained?: number;
  /** Named queues; one more is refused with `limit`. @default 10000 */
  maxQueues?: number;
  /** Unanswered requests, `$sys.wait` among them, of one connection. @default 10000 */
  maxRequests?: number;
  /** Time for a complete HELLO, in ms from accept. @default 5000 */
  handshakeMs?: number;
  /** Silence after which a PING is sent, in ms. @default 15000 */
  heartbeatMs?: number;
  /** Announced to clients: silence after which a receiver that holds others up counts as hung, in ms. @default 30000 */
  stallMs?: number;
  /** Bytes that a publisher may send to topics in XOFF before its socket is paused. @default 4194304 (4 MiB) */
  headroom?: number;
  /**
   * Bytes that the broker may hold for others: what waits, is being written, is retained. Above that the heaviest holders'
   * publishers wait, or their messages are dropped, by their overflow policy. At least 1 MiB. @default half of the container's
   * memory limit, and at most that less 96 MiB, followed while it runs; 268435456 (256 MiB) where there is none
   */
  memoryLimit?: number;
  /** Time that clients get to finish when the broker closes, in ms; 0: none. @default 8000 */
  graceMs?: number;
  /** Where the log goes. @default nowhere */
  logger?: BrokerLogger;
  /** What `logger` is told: what is of this level or above; `silent`: nothing. @default "debug": everything */
  logLevel?: LogLevel;
}

export type ResolvedOptions = Required<
  Omit<BrokerOptions, "logger" | "logLevel" | "memoryLimit" | "data" | "allow" | "secretFile" | "rules">
> & {
  data: string | undefined;
  allow: Allow;
  secretFile: string | undefined;
  rules: string | undefined;
  /** Undefined: by the container's limit. */
  memoryLimit: number | undefined;
  logger: BrokerLogger | undefined;
};

const NAMES = {
  address: true,
  data: true,
  allow: true,
  secretFile: true,
  rules: true,
  wait: true,
  maxFrame: true,
  maxConnections: true,
  maxSubscriptions: true,
  maxRetained: true,
  maxQueues: true,
  maxRequests: true,
  handshakeMs: true,
  heartbeatMs: true,
  stallMs: true,
  headroom: true,
  memoryLimit: true,
  graceMs: true,
  logger: true,
  logLevel: true,
} as const satisfies Record<keyof BrokerOptions, true>;

/** @throws PodbusError `bad_option` for a value that can't be, or a name that is none. */
export function resolveOptions(options: BrokerOptions): ResolvedOptions {
  checkOptionNames("createBroker()", options, Object.keys(NAMES));
  const left = connectionsWithin(openFilesLimit());
  const maxConnections = count("maxConnections", options.maxConnections, Math.min(DEFAULT_MAX_CONNECTIONS, left), 1);
  if (maxConnections > left) {
    const message = `maxConnections must be at most ${left}, the open-files limit less ${RESERVED_FILES}, not ${maxConnections}; raise the limit`;
    throw new PodbusError("bad_option", message);
  }
  return {
    address: options.address ?? DEFAULT_ADDRESS,
    data: text("data", options.data),
    allow: parseAllow(text("allow", options.allow)),
    secretFile: text("secretFile", options.secretFile),
    rules: text("rules", options.rules),
    wait: flag("wait", options.wait),
    maxFrame: count("maxFrame", options.maxFrame, DEFAULT_MAX_FRAME_BYTES, MAX_HELLO_BYTES, 0x7fff_ffff),
    maxConnections,
    maxSubscriptions: count("maxSubscriptions", options.maxSubscriptions, 10_000, 1),
    maxRetained: count("maxRetained", options.maxRetained, 10_000, 0),
    maxQueues: count("maxQueues", options.maxQueues, 10_000, 0),
    maxRequests: count("maxRequests", options.maxRequests, 10_000, 1),
    handshakeMs: count("handshakeMs", options.handshakeMs, DEFAULT_HANDSHAKE_MS, 1),
    heartbeatMs: count("heartbeatMs", options.heartbeatMs, DEFAULT_HEARTBEAT_MS, 1),
    stallMs: count("stallMs", options.stallMs, DEFAULT_STALL_MS, 1),
    headroom: count("headroom", options.headroom, DEFAULT_HEADROOM_BYTES, 0),
    memoryLimit:
      options.memoryLimit === undefined
        ? undefined
        : count("memoryLimit", options.memoryLimit, 0, 1024 * 1024, Number.MAX_SAFE_INTEGER),
    graceMs: count("graceMs", options.graceMs, DEFAULT_GRACE_MS, 0),
    logger: options.logger === undefined ? undefined : atLevel(options.logger, logLevel(options.logLevel)),
  };
}

function text(name: string, value: string | undefined): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw new PodbusError("bad_option", `${name} must be text, not ${typeof value}`);
}

function flag(name: string, value = false): boolean {
  if (typeof value === "boolean") return value;
  throw new PodbusError("bad_option", `${name} must be true or false, not ${String(value)}`);
}

function logLevel(level: LogLevel = "debug"): LogLevel {
  if (LOG_LEVELS.includes(level)) return level;
  throw new PodbusError("bad_option", `logLevel must be one of ${LOG_LEVELS.join(", ")}, not ${String(level)}`);
}

function count(name: string, value: number | undefined, otherwise: number, least: number, most = 0xffff_ffff): number {
  if (value === undefined) return otherwise;
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new PodbusError("bad_option", `${name} must be an integer from ${least} to ${most}, not ${value}`);
  }
  return value;
}

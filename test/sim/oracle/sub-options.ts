// The options of a SUB, as protocol.md has them: their defaults, and which of them can't be.

import type { Value } from "../wire.ts";
import type { Policy } from "./plain.ts";
import { isTopic, matches } from "./topics.ts";

export interface SubOptions {
  readonly given: readonly string[];
  readonly raw: Readonly<Record<string, Value>>;
  readonly queue: string | undefined;
  readonly ack: boolean;
  readonly keep: boolean;
  readonly durable: boolean;
  readonly prefetch: number;
  readonly concurrency: number;
  readonly ackTimeoutMs: number;
  readonly maxAttempts: number;
  readonly deadLetter: string | undefined;
  readonly overflow: Policy;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly partitionBy: "key" | number | undefined;
  readonly dedupeMs: number;
  readonly retained: boolean;
  readonly respond: boolean;
}

const NEED_QUEUE = [
  "ack",
  "keep",
  "durable",
  "prefetch",
  "ackTimeoutMs",
  "maxAttempts",
  "deadLetter",
  "partitionBy",
  "dedupeMs",
];
const POLICIES: ReadonlySet<string> = new Set(["block", "drop-oldest", "drop-newest", "latest", "disconnect"]);

export function readOptions(map: Record<string, Value> | undefined): SubOptions {
  const raw = map ?? {};
  const given = Object.keys(raw).filter((name) => raw[name] !== null);
  const number = (name: string, otherwise: number): number => (typeof raw[name] === "number" ? raw[name] : otherwise);
  const text = (name: string): string | undefined => (typeof raw[name] === "string" ? raw[name] : undefined);
  const durable = raw["durable"] === true;
  const partitionBy = raw["partitionBy"];
  return {
    given,
    raw,
    queue: text("queue"),
    ack: raw["ack"] === true,
    keep: raw["keep"] === true || durable,
    durable,
    prefetch: number("prefetch", 256),
    concurrency: number("concurrency", 1),
    ackTimeoutMs: number("ackTimeoutMs", 30_000),
    maxAttempts: number("maxAttempts", 5),
    deadLetter: text("deadLetter"),
    overflow: (text("overflow") ?? "block") as Policy,
    maxMessages: number("maxMessages", 65_536),
    maxBytes: number("maxBytes", 8 * 1024 * 1024),
    partitionBy: partitionBy === "key" || typeof partitionBy === "number" ? partitionBy : undefined,
    dedupeMs: number("dedupeMs", durable ? 120_000 : 0),
    retained: raw["retained"] !== false,
    respond: raw["respond"] === true,
  };
}

/** Whether these can't be. */
export function optionProblem(options: SubOptions, pattern: string): boolean {
  const { raw, given, queue, deadLetter } = options;
  const has = (name: string): boolean => given.includes(name);
  if (
    options.respond &&
    given.some((name) => name !== "respond" && (POLICY_NAMES.has(name) || NEED_QUEUE.includes(name)))
  )
    return true;
  if (queue === undefined && NEED_QUEUE.some(has)) return true;
  if (queue !== undefined && (has("retained") || options.overflow === "disconnect")) return true;
  if (queue !== undefined && (!isTopic(queue) || queue.startsWith("$"))) return true;
  if (!POLICIES.has(options.overflow)) return true;
  if (raw["durable"] === true && raw["keep"] === false) return true;
  if (deadLetter !== undefined && (deadLetter.startsWith("$") || !isTopic(deadLetter) || matches(pattern, deadLetter)))
    return true;
  for (const name of ["prefetch", "concurrency", "maxMessages", "maxBytes"])
    if (has(name) && !(Number(raw[name]) >= 1)) return true;
  return ["ackTimeoutMs", "maxAttempts", "dedupeMs"].some((name) => has(name) && !(Number(raw[name]) >= 0));
}

const POLICY_NAMES: ReadonlySet<string> = new Set([
  "queue",
  "concurrency",
  "overflow",
  "maxMessages",
  "maxBytes",
  "retained",
]);

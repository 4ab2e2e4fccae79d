// The options of a SUB: read, checked, with their defaults.

import { matches } from "../../shared/topic.ts";
import {
  DEFAULT_ACK_TIMEOUT_MS,
  DEFAULT_DEDUPE_MS,
  DEFAULT_MAX_ATTEMPTS,
  DEFAULT_MAX_BYTES,
  DEFAULT_MAX_MESSAGES,
  DEFAULT_PREFETCH,
} from "../../shared/protocol.ts";
import { quote } from "../../shared/quote.ts";
import { OptionMap, wrongOption } from "./option-map.ts";
import { QUEUE_OPTIONS, type QueueOptions } from "./queue-options.ts";

export interface SubscribeOptions {
  readonly respond: boolean;
  readonly retained: boolean;
  /** The queue's name, or undefined for a subscription of its own. */
  readonly queue: string | undefined;
  /** Of the queue, or of the subscription where they mean something without one. */
  readonly shared: QueueOptions;
  /** The names that were given, for the comparison with the queue that there is. */
  readonly given: ReadonlySet<string>;
  readonly prefetch: number;
  readonly concurrency: number;
}

/** Options that mean nothing without a queue. */
const NEEDS_QUEUE = [
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
/** Every option but `respond`, which stands alone. */
export const KNOWN_OPTIONS: readonly string[] = [
  "queue",
  "concurrency",
  "overflow",
  "maxMessages",
  "maxBytes",
  "retained",
  ...NEEDS_QUEUE,
];

export function readSubscribeOptions(map: Record<string, unknown> | undefined, pattern: string): SubscribeOptions {
  const options = new OptionMap(map ?? {});
  const given = new Set(KNOWN_OPTIONS.filter((name) => options.has(name)));
  const respond = options.bool("respond", false);
  const [other] = given;
  if (respond && other !== undefined) {
    throw wrongOption(`respond goes with no other option, but ${other} is given; leave one of them out`);
  }
  const queue = options.topic("queue", "queue name");
  const stray = queue === undefined ? NEEDS_QUEUE.find((name) => given.has(name)) : undefined;
  if (stray !== undefined) throw wrongOption(`${stray} needs the option queue, the name of a queue`);
  if (queue !== undefined && given.has("retained")) throw wrongOption("retained goes without queue only");
  const shared = readQueueOptions(options, pattern);
  if (shared.overflow === "disconnect" && queue !== undefined) {
    throw wrongOption("overflow disconnect goes without queue only; choose another policy");
  }
  return {
    respond,
    queue,
    shared,
    given,
    retained: options.bool("retained", queue === undefined),
    prefetch: options.int("prefetch", 1, DEFAULT_PREFETCH),
    concurrency: options.int("concurrency", 1, 1),
  };
}

function readQueueOptions(options: OptionMap, pattern: string): QueueOptions {
  const deadLetter = options.topic("deadLetter", "dead-letter topic");
  if (deadLetter !== undefined && matches(pattern, deadLetter)) {
    throw wrongOption(`deadLetter must not lead back to the queue, but ${quote(deadLetter)} matches ${quote(pattern)}`);
  }
  const durable = options.bool("durable", false);
  const keep = options.bool("keep", durable);
  if (durable && !keep) throw wrongOption("durable means keep: leave keep out, or set it to true");
  const partitionBy = options.partitionBy();
  return {
    ack: options.bool("ack", false),
    keep,
    durable,
    partitionBy,
    ackTimeoutMs: options.int("ackTimeoutMs", 0, DEFAULT_ACK_TIMEOUT_MS),
    maxAttempts: options.int("maxAttempts", 0, DEFAULT_MAX_ATTEMPTS),
    deadLetter,
    overflow: options.overflow("block"),
    maxMessages: options.int("maxMessages", 1, DEFAULT_MAX_MESSAGES),
    maxBytes: options.int("maxBytes", 1, DEFAULT_MAX_BYTES),
    dedupeMs: options.int("dedupeMs", 0, durable ? DEFAULT_DEDUPE_MS : 0),
  };
}

/** Says how `asked` differs from what the queue `name` has, if it does. */
export function queueDifference(
  name: string,
  has: { pattern: string; options: QueueOptions },
  pattern: string,
  asked: SubscribeOptions,
): string | undefined {
  if (has.pattern !== pattern) return `queue ${name} has the pattern ${quote(has.pattern)}, not ${quote(pattern)}`;
  for (const option of QUEUE_OPTIONS) {
    // Whether a member acknowledges is its own to say, and who leaves it out says no.
    if (!asked.given.has(option) && option !== "ack") continue;
    const [theirs, ours] = [has.options[option], asked.shared[option]];
    if (theirs === ours) continue;
    const advice = option === "ack" ? `say ack ${theirs}` : "leave it out to take the queue's";
    return `queue ${name} has ${option} ${theirs}, not ${ours}; ${advice}`;
  }
  return undefined;
}

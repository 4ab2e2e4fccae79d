// The options of a SUB: read, checked, with their defaults. What is wrong is a bad_option that says what was expected.

import { DEFAULT_MAX_BYTES, DEFAULT_MAX_MESSAGES } from "../../shared/protocol.ts";
import { quote } from "../../shared/quote.ts";
import { topicTextProblem } from "../../shared/topic.ts";
import { Refusal } from "./failure.ts";

/** Those that belong to the queue, and are the same for all its members. */
export interface QueueOptions {
  maxMessages: number;
  maxBytes: number;
}

export interface SubscribeOptions extends QueueOptions {
  readonly queue: string | undefined;
  readonly retained: boolean;
  readonly respond: boolean;
  /** The names that were given, for the comparison with the queue that there is. */
  readonly given: ReadonlySet<string>;
}

/** Options that mean nothing without a queue. */
const NEEDS_QUEUE = ["ack", "keep", "durable", "prefetch", "ackTimeoutMs", "maxAttempts", "deadLetter", "partitionBy", "dedupeMs"];
/** Options that a responder may not have: all but `respond`. */
const KNOWN = ["queue", "concurrency", "overflow", "maxMessages", "maxBytes", "retained", ...NEEDS_QUEUE];
const OVERFLOWS = ["block", "drop-oldest", "drop-newest", "latest", "disconnect"];

export function readSubscribeOptions(map: Record<string, unknown> | undefined): SubscribeOptions {
  const options = new Options(map ?? {});
  const given = new Set([...KNOWN, "respond"].filter((name) => options.has(name)));
  if (options.bool("respond", false)) {
    const other = KNOWN.find((name) => given.has(name));
    if (other !== undefined) throw wrong(`respond goes with no other option, but ${other} is given; leave one of them out`);
    return { queue: undefined, retained: false, respond: true, given, maxMessages: 0, maxBytes: 0 };
  }
  const queue = options.queueName();
  if (queue === undefined) {
    const other = NEEDS_QUEUE.find((name) => given.has(name));
    if (other !== undefined) throw wrong(`${other} needs the option queue, the name of a queue`);
  } else if (given.has("retained")) {
    throw wrong("retained does not go with queue: a queue has no retained values");
  }
  const overflow = options.overflow();
  if (overflow === "disconnect" && queue !== undefined) throw wrong("overflow disconnect does not go with queue");
  return {
    queue,
    retained: options.bool("retained", queue === undefined),
    respond: false,
    given,
    maxMessages: options.int("maxMessages", 1, DEFAULT_MAX_MESSAGES),
    maxBytes: options.int("maxBytes", 1, DEFAULT_MAX_BYTES),
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
  for (const option of ["maxMessages", "maxBytes"] as const) {
    if (asked.given.has(option) && asked[option] !== has.options[option]) {
      return `queue ${name} has ${option} ${has.options[option]}, not ${asked[option]}; leave it out to take the queue's`;
    }
  }
  return undefined;
}

class Options {
  readonly #map: Record<string, unknown>;

  constructor(map: Record<string, unknown>) {
    this.#map = map;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#map, name) && this.#map[name] !== null && this.#map[name] !== undefined;
  }

  bool(name: string, otherwise: boolean): boolean {
    if (!this.has(name)) return otherwise;
    const value = this.#map[name];
    if (typeof value !== "boolean") throw wrong(`${name} must be true or false, not ${shown(value)}`);
    return value;
  }

  int(name: string, least: number, otherwise: number): number {
    if (!this.has(name)) return otherwise;
    const value = this.#map[name];
    if (!Number.isSafeInteger(value) || (value as number) < least) {
      throw wrong(`${name} must be an integer of at least ${least}, not ${shown(value)}`);
    }
    return value as number;
  }

  queueName(): string | undefined {
    if (!this.has("queue")) return undefined;
    const value = this.#map["queue"];
    if (typeof value !== "string") throw wrong(`queue must be a name, not ${shown(value)}`);
    const problem = topicTextProblem(value, "queue name");
    if (problem !== undefined) throw wrong(problem);
    if (value.startsWith("$")) throw wrong(`a queue name must not begin with $, as ${quote(value)} does`);
    return value;
  }

  overflow(): string {
    if (!this.has("overflow")) return "block";
    const value = this.#map["overflow"];
    if (typeof value !== "string" || !OVERFLOWS.includes(value)) {
      throw wrong(`overflow must be one of ${OVERFLOWS.join(", ")}, not ${shown(value)}`);
    }
    return value;
  }
}

function shown(value: unknown): string {
  return typeof value === "string" ? quote(value) : typeof value === "object" ? "a structure" : String(value);
}

function wrong(message: string): Refusal {
  return new Refusal("bad_option", message);
}

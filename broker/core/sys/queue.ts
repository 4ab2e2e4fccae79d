// `$sys.queue.…`: shows, purges, removes, changes one queue, and replays the dead letters that one holds.

import { Refusal } from "../failure.ts";
import type { Core } from "../core.ts";
import { OptionMap, wrongOption } from "../option-map.ts";
import type { Peer } from "../peer.ts";
import type { Queue } from "../queue.ts";
import { CHANGEABLE, type QueueOptions } from "../queue-options.ts";
import { quote } from "../../../shared/quote.ts";
import { matches } from "../../../shared/topic.ts";
import { replayDead } from "../replay.ts";
import { KNOWN_OPTIONS } from "../subscribe-options.ts";
import { describe } from "./queues.ts";

type Arguments = Record<string, unknown>;
type Answer = (core: Core, queue: Queue, asked: Arguments, peer: Peer) => Record<string, unknown>;

export const QUEUE_CALLS: Readonly<Record<string, Answer>> = {
  "$sys.queue.show": (core, queue) => describe(core, queue),
  "$sys.queue.purge": (_core, queue) => ({ queue: queue.name, purged: queue.purge() }),
  "$sys.queue.remove": remove,
  "$sys.queue.update": update,
  "$sys.queue.replay": replay,
};

/** What a queue is told when it is made, or each member for itself. */
const FIXED: readonly string[] = [
  "pattern",
  ...KNOWN_OPTIONS.filter((name) => name !== "queue" && !CHANGEABLE.includes(name as keyof QueueOptions)),
];

/** Answers a call about one queue. An unknown queue, or arguments that can't be, are status 2. */
export function answerQueueCall(core: Core, peer: Peer, id: number, call: Answer, asked: Arguments | undefined): void {
  const name = asked?.["queue"];
  const queue = typeof name === "string" ? core.queues.get(name) : undefined;
  if (queue === undefined) {
    const known = [...core.queues.keys()].slice(0, 10).join(", ") || "none";
    const message =
      typeof name === "string"
        ? `there is no queue ${quote(name)}; there is: ${known}`
        : "the argument must be a map with a queue";
    return peer.replyError(id, message, typeof name === "string" ? "unavailable" : "bad_option");
  }
  try {
    peer.replyValue(id, call(core, queue, asked!, peer));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    peer.replyError(id, error.message, error.code);
  }
}

function remove(core: Core, queue: Queue): Record<string, unknown> {
  const { waiting } = queue.counts();
  core.dismiss(queue, "unavailable", `queue ${queue.name} was removed; subscribe anew to make it again`);
  const dropped = core.endQueue(queue);
  return { queue: queue.name, waiting, dropped };
}

function update(core: Core, queue: Queue, asked: Arguments, peer: Peer): Record<string, unknown> {
  const options = new OptionMap(asked);
  const fixed = FIXED.find((name) => options.has(name));
  if (fixed !== undefined)
    throw wrongOption(`${fixed} can't change while a queue lives; what can is ${CHANGEABLE.join(", ")}`);
  const has = queue.options;
  // The one that can be taken away. Not by nil, which means absent in every map.
  const isTaken = asked["deadLetter"] === false;
  const deadLetter = isTaken ? undefined : (options.topic("deadLetter", "dead-letter topic") ?? has.deadLetter);
  if (deadLetter !== undefined && matches(queue.pattern, deadLetter)) {
    throw wrongOption("deadLetter must not lead back to the queue");
  }
  if (deadLetter !== undefined && deadLetter !== has.deadLetter && !peer.role.may("publish", deadLetter)) {
    throw new Refusal("not_allowed", core.access.denial(peer.subject, "publish", deadLetter));
  }
  const overflow = options.overflow(has.overflow);
  if (overflow === "disconnect")
    throw wrongOption("overflow disconnect goes without queue only; choose another policy");
  const changed = {
    overflow,
    deadLetter,
    ackTimeoutMs: options.int("ackTimeoutMs", 0, has.ackTimeoutMs),
    maxAttempts: options.int("maxAttempts", 0, has.maxAttempts),
    maxMessages: options.int("maxMessages", 1, has.maxMessages),
    maxBytes: options.int("maxBytes", 1, has.maxBytes),
    dedupeMs: options.int("dedupeMs", 0, has.dedupeMs),
  };
  Object.assign(queue.options, changed);
  queue.optionsChanged();
  return describe(core, queue);
}

function replay(core: Core, queue: Queue, asked: Arguments): Record<string, unknown> {
  const count = new OptionMap(asked).int("count", 1, Number.MAX_SAFE_INTEGER);
  return { queue: queue.name, ...replayDead(core, queue, count) };
}

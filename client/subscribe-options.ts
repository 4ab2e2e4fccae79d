// What may be said of a subscription, and what of it goes to the broker. Values are the broker's to judge.

import type { FrameWriter } from "../shared/codec/write.ts";
import { writeValue } from "../shared/codec/value.ts";
import { PodbusError } from "../shared/errors.ts";
import { checkOptionNames } from "../shared/option-names.ts";

/** What becomes of new messages when a subscription's queue is full. */
export type Overflow = "block" | "drop-oldest" | "drop-newest" | "latest" | "disconnect";

export interface SubscribeOptions {
  /** The name of a queue: its members share the messages. @default none: this subscription gets every message */
  queue?: string | undefined;
  /**
   * Messages are acknowledged: by a handler's success, or with `ack()` in a loop. What is not is delivered again. Needs `queue`.
   * @default false
   */
  ack?: boolean | undefined;
  /** The queue outlives its members. Needs `queue`. @default false */
  keep?: boolean | undefined;
  /** `keep`, and on the broker's disk. Needs `queue`. @default false */
  durable?: boolean | undefined;
  /**
   * Unsettled messages that this member may hold, 1 or more. Needs `queue`.
   * @default 256; with `ack` and a `concurrency` from 2 up twice that, and at least 16: slow work is not hoarded
   */
  prefetch?: number | undefined;
  /** Handlers that run at once, 1 or more. 1 keeps the order. @default 1 */
  concurrency?: number | undefined;
  /** Milliseconds after which an unsettled message is delivered again; 0: never. Needs `queue`. @default 30000 */
  ackTimeoutMs?: number | undefined;
  /**
   * Messages whose handler runs long are kept from being delivered again, by `working()` at a third of `ackTimeoutMs`; of a queue that
   * others made, say it here too. @default true
   */
  autoWorking?: boolean | undefined;
  /** Attempts after which a message is dead; 0: no limit. Needs `queue`. @default 5 */
  maxAttempts?: number | undefined;
  /** The topic to which the dead go. Needs `queue`. @default none */
  deadLetter?: string | undefined;
  /** What happens when messages come faster than they are taken. @default "block" */
  overflow?: Overflow | undefined;
  /** Messages that may wait at the broker, 1 or more. @default 65536 */
  maxMessages?: number | undefined;
  /** Bytes that may wait at the broker, 1 or more. @default 8388608 (8 MiB) */
  maxBytes?: number | undefined;
  /**
   * `"key"` for the header of that name, or a token's number in the topic, from 1: what has one key goes to one member at a time, and is
   * handled in order, whatever its `concurrency`; of a queue that others made, say it here too. Needs `queue`. @default none
   */
  partitionBy?: "key" | number | undefined;
  /** Milliseconds within which a message whose header `id` is known is not taken again. Needs `queue`. @default 0; 120000 if durable */
  dedupeMs?: number | undefined;
  /** Retained values of matching topics come first. Not with `queue`. @default true */
  retained?: boolean | undefined;
  /**
   * A message is there until its handler returns, or what that returned has settled: then its memory is used again, and reading it throws
   * `bad_option`; views of it (`bytes`, and all bytes in `data` and `headers`) show what came later. Messages come faster so. Needs a
   * handler.
   * @default false: a message stays as it is for as long as it is held
   */
  transient?: boolean | undefined;
  /** Ends the subscription when it aborts. */
  signal?: AbortSignal | undefined;
}

/** Those that the broker has to know. */
const WIRE_OPTIONS = [
  "queue",
  "ack",
  "keep",
  "durable",
  "prefetch",
  "concurrency",
  "ackTimeoutMs",
  "maxAttempts",
  "deadLetter",
  "overflow",
  "maxMessages",
  "maxBytes",
  "partitionBy",
  "dedupeMs",
  "retained",
] as const satisfies readonly (keyof SubscribeOptions)[];

/** So many that the next message is there when a handler is done. */
const MIN_PREFETCH = 16;

const KNOWN: readonly string[] = [...WIRE_OPTIONS, "autoWorking", "transient", "signal"];

/** @throws PodbusError `bad_option` for a name that is none, a concurrency that can't be, or a loop over what is gone when it comes. */
export function checkSubscribeOptions(options: SubscribeOptions, hasHandler: boolean): void {
  checkOptionNames("subscribe()", options, KNOWN);
  checkConcurrency(options.concurrency);
  if (options.transient !== true || hasHandler) return;
  throw new PodbusError(
    "bad_option",
    "transient needs a handler: a loop gets its messages later; give one, or leave transient out",
  );
}

export function checkConcurrency(concurrency: number | undefined): void {
  if (concurrency === undefined || (Number.isSafeInteger(concurrency) && concurrency >= 1)) return;
  throw new PodbusError(
    "bad_option",
    `concurrency must be a whole number, 1 or more, but this is ${String(concurrency)}`,
  );
}

/** The options of a SUB, or undefined where there are none to tell. */
export function wireOptions(options: SubscribeOptions): Record<string, unknown> | undefined {
  const wire: Record<string, unknown> = {};
  let isEmpty = true;
  for (const name of WIRE_OPTIONS) {
    // How many handlers run matters to the broker only where it counts attempts.
    if (options[name] === undefined || (name === "concurrency" && options.queue === undefined)) continue;
    wire[name] = options[name];
    isEmpty = false;
  }
  const { ack, concurrency, prefetch } = options;
  if (ack === true && prefetch === undefined && concurrency !== undefined && concurrency > 1) {
    wire["prefetch"] = Math.max(MIN_PREFETCH, 2 * concurrency);
  }
  return isEmpty ? undefined : wire;
}

/** Writes options where there are some; whoever wrote the frame's header counted them. */
export function writeOptions(w: FrameWriter, options: Record<string, unknown> | undefined): void {
  if (options !== undefined) writeValue(w, options);
}

// What a queue is told when it is made: the same for all its members. Those marked may change while it lives.

import type { Overflow } from "./outbox.ts";
import type { PartitionBy } from "./partitions.ts";

export interface QueueOptions {
  /** Whether members acknowledge. */
  readonly ack: boolean;
  /** Whether it outlives its members. */
  readonly keep: boolean;
  /** Whether it is kept, and on disk. */
  readonly durable: boolean;
  /** Messages of one key go to one member at a time, in order: of the header `key`, or of a token's number in the topic, from 1. */
  readonly partitionBy: PartitionBy | undefined;
  /** May change: after that an unsettled message is delivered again; 0: never. */
  ackTimeoutMs: number;
  /** May change: after so many attempts a message is dead; 0: no limit. */
  maxAttempts: number;
  /** May change: the topic that the dead go to. */
  deadLetter: string | undefined;
  /** May change. */
  overflow: Overflow;
  /** May change. */
  maxMessages: number;
  /** May change. */
  maxBytes: number;
  /** May change: a message whose `id` was taken within that time is not taken again; 0: every message is taken. */
  dedupeMs: number;
}

export const QUEUE_OPTIONS: readonly (keyof QueueOptions)[] = [
  "ack",
  "keep",
  "durable",
  "partitionBy",
  "ackTimeoutMs",
  "maxAttempts",
  "deadLetter",
  "overflow",
  "maxMessages",
  "maxBytes",
  "dedupeMs",
];

/** Those that `$sys.queue.update` changes. */
export const CHANGEABLE: readonly (keyof QueueOptions)[] = [
  "ackTimeoutMs",
  "maxAttempts",
  "deadLetter",
  "overflow",
  "maxMessages",
  "maxBytes",
  "dedupeMs",
];

// The headers of what `podbus pub` publishes: those that were given by name, and those that queues heed, which have options of their
// own. Pure.

import type { Command } from "commander";

import { durationOption, headerOption } from "../command.ts";

export interface HeaderOptions {
  header?: Record<string, string | number | boolean>;
  key?: string;
  id?: string;
  /** Milliseconds. */
  ttl?: number;
  delay?: number;
}

/** Adds them to the command `pub`. */
export function withHeaders(command: Command): Command {
  return command
    .option("--header <key=value>", "a header; may be repeated", headerOption)
    .option("--key <key>", "for queues: what is in order by it (header key)")
    .option("--id <id>", "for queues: a message with an id that they know is not taken again (header id)")
    .option("--ttl <duration>", "for queues: it is not delivered later than that (header ttlMs)", durationOption)
    .option("--delay <duration>", "for queues: it is not delivered before that (header delayMs)", durationOption);
}

/** Undefined where there are none. */
export function headersOf(options: HeaderOptions): Record<string, string | number | boolean> | undefined {
  const { header, key, id, ttl, delay } = options;
  const headers = {
    ...header,
    ...(key !== undefined && { key }),
    ...(id !== undefined && { id }),
    ...(ttl !== undefined && { ttlMs: ttl }),
    ...(delay !== undefined && { delayMs: delay }),
  };
  return Object.keys(headers).length > 0 ? headers : undefined;
}

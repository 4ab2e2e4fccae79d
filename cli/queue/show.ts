// Queues as tables: the list, one of them with its options, and what became of a call. Pure.

import { displayLine } from "../display.ts";
import { table } from "../table.ts";
import { formatBytes, formatCount, formatDuration } from "../units.ts";

/** A queue as the broker describes it. */
export interface Described {
  readonly queue: string;
  readonly pattern: string;
  /** Clients, by number. */
  readonly members: readonly number[];
  /** How long the message has waited that waits in front; 0 where none does. */
  readonly oldestMs: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly waiting: number;
  readonly inFlight: number;
  readonly settled: number;
  readonly dropped: number;
  readonly dead: number;
}

const HEADER = ["QUEUE", "PATTERN", "MEMBERS", "WAITING", "IN FLIGHT", "SETTLED", "DROPPED", "DEAD", "OLDEST"];

/** What 0 means as an option; one that is left out here is not set then, and not shown. */
const AT_ZERO: ReadonlyMap<string, string> = new Map([
  ["ackTimeoutMs", "never"],
  ["maxAttempts", "no limit"],
]);

/** A line a queue. */
export function queueList(queues: readonly Described[]): string {
  if (queues.length === 0) return "there are no queues\n";
  const rows = queues.map((queue) => [
    shown("queue", queue.queue),
    shown("pattern", queue.pattern),
    String(queue.members.length),
    ...[queue.waiting, queue.inFlight, queue.settled, queue.dropped, queue.dead].map(formatCount),
    oldest(queue),
  ]);
  return table([HEADER, ...rows]);
}

/** A line for each thing that is known of one. */
export function oneQueue({ options, ...rest }: Described): string {
  const rows = Object.entries(rest).map(([name, value]) => [
    name,
    name === "oldestMs" ? oldest(rest) : shown(name, value),
  ]);
  const set = Object.entries(options)
    .map(([name, value]) => [name, value === 0 ? AT_ZERO.get(name) : value] as const)
    .filter(([, value]) => value !== null && value !== undefined);
  return table([...rows, ...set.map(([name, value]) => [`option ${name}`, shown(name, value)])]);
}

function oldest({ waiting, oldestMs }: Pick<Described, "waiting" | "oldestMs">): string {
  return waiting === 0 ? "-" : formatDuration(oldestMs);
}

/** By the unit that the name ends with. */
function shown(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map((client) => `client ${client}`).join(", ");
  if (typeof value !== "number") return displayLine(value, true);
  if (name.endsWith("Bytes")) return formatBytes(value);
  return name.endsWith("Ms") ? formatDuration(value) : formatCount(value);
}

// The headers that queues heed: `id`, `key`, `ttlMs`, `delayMs`. What can't be read counts as absent, and of the headers of a message
// that died in a queue, `key` alone counts.

import type { Frame } from "../../shared/codec/scan.ts";
import { digest } from "../../shared/digest.ts";
import { readMap } from "../../shared/codec/value.ts";

export interface QueueHeaders {
  /** Known again within the queue's `dedupeMs`. */
  readonly id: string | undefined;
  /** The partition, where the queue is partitioned by key. */
  readonly key: string | undefined;
  /** Not delivered later than that, in ms from now. */
  readonly ttlMs: number | undefined;
  /** Not delivered before that, in ms from now. */
  readonly delayMs: number | undefined;
}

const NONE: QueueHeaders = { id: undefined, key: undefined, ttlMs: undefined, delayMs: undefined };

/** A longer `id` or `key` is remembered by its hash: what is kept of it must not grow with it. */
const MAX_KEPT_CHARS = 128;

/** Where the headers of a PUB, a RETAIN or a REQ stand. */
const HEADERS_AT = 3;

export function readQueueHeaders(buf: Buffer, frame: Frame): QueueHeaders {
  const map = frame.count > HEADERS_AT ? readMap(buf, frame.at[HEADERS_AT]!, frame.at[HEADERS_AT + 1]!) : undefined;
  if (map === undefined) return NONE;
  const key = asKey(map["key"]);
  if (map["deadQueue"] !== undefined && map["deadQueue"] !== null) return { ...NONE, key };
  return { id: asKey(map["id"]), key, ttlMs: asMs(map["ttlMs"]), delayMs: asMs(map["delayMs"]) };
}

/** A scalar as the text that it is compared by: of what type it was does not matter. */
function asKey(value: unknown): string | undefined {
  const text = asText(value);
  if (text === undefined || text.length <= MAX_KEPT_CHARS) return text;
  return digest(text);
}

function asText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : undefined;
}

function asMs(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

// The headers that queues heed: `id`, `key`, `ttlMs`, `delayMs`. What can't be read counts as absent, and of the headers of a message
// that died in a queue, `key` alone counts.

import { eachEntry } from "../../shared/codec/map.ts";
import { isNil, readStr, strStart } from "../../shared/codec/read.ts";
import type { Frame } from "../../shared/codec/scan.ts";
import { SIZE } from "../../shared/codec/sizes.ts";
import { readPayload } from "../../shared/codec/value.ts";
import { digest } from "../../shared/digest.ts";

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
export const HEADERS_AT = 3;

/** The longest name of a header that is heeded: longer ones are the application's. */
const MAX_NAME_BYTES = "deadQueue".length;

export function readQueueHeaders(buf: Buffer, frame: Frame): QueueHeaders {
  if (frame.count <= HEADERS_AT) return NONE;
  let id: string | undefined;
  let key: string | undefined;
  let ttlMs: number | undefined;
  let delayMs: number | undefined;
  let isDead = false;
  // The application's own are passed over, whatever they hold.
  const isMap = eachEntry(buf, frame.at[HEADERS_AT]!, frame.at[HEADERS_AT + 1]!, (keyAt, valueAt, end) => {
    const name = strStart(buf, keyAt);
    if (name < 0 || valueAt - name > MAX_NAME_BYTES) return;
    switch (buf.toString("latin1", name, valueAt)) {
      case "id":
        id = asKey(readScalar(buf, valueAt, end));
        break;
      case "key":
        key = asKey(readScalar(buf, valueAt, end));
        break;
      case "ttlMs":
        ttlMs = asMs(readScalar(buf, valueAt, end));
        break;
      case "delayMs":
        delayMs = asMs(readScalar(buf, valueAt, end));
        break;
      case "deadQueue":
        isDead = !isNil(buf, valueAt);
        break;
      default:
    }
  });
  if (!isMap) return NONE;
  return isDead ? { ...NONE, key } : { id, key, ttlMs, delayMs };
}

/** What is compared or counted with; undefined for what is not: ill-formed text, structures, extensions. */
function readScalar(buf: Buffer, at: number, end: number): unknown {
  if (strStart(buf, at) >= 0) return readStr(buf, at, end);
  const byte = buf[at]!;
  const isExtension = (byte >= 0xc7 && byte <= 0xc9) || (byte >= 0xd4 && byte <= 0xd8);
  return isExtension || SIZE[byte] === 0 ? undefined : readPayload(buf, at, end);
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
  const ms = typeof value === "bigint" ? Number(value) : value; // beyond 2^53: exact or not, it is as good as for ever
  return typeof ms === "number" && Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}

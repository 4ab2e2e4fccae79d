// Makes durable queues and retained values again from what is on disk, when the broker starts. What is damaged is refused with a
// word, never served: then nothing is made, and the broker does not start.

import { Frame, Scan, scanFrame } from "../../shared/codec/scan.ts";
import { readStr } from "../../shared/codec/read.ts";
import { quote } from "../../shared/quote.ts";
import type { Core } from "./core.ts";
import { LAYOUT_VERSION, orderKey, readOrder, readQueueNumber, readText, unseal, VERSION_KEY } from "./durable-keys.ts";
import { frameEnd } from "./frames.ts";
import { Queue } from "./queue.ts";
import { decodeRanges, QueueLog } from "./queue-log.ts";
import type { QueueOptions } from "./queue-options.ts";
import { Run } from "./run.ts";
import type { Store } from "./store.ts";

/** What is on disk is not what was written. */
export class DamagedStore extends Error {}

interface Found {
  readonly queue: Queue;
  readonly log: QueueLog;
  /** Behind the last message that is on disk. */
  nextOrder: number;
}

const frame: Frame = new Frame();

/** Everything that is on disk and undamaged, without its seal. */
type Values = ReadonlyMap<string, Buffer>;

/** Fills `core` from `store`. Returns the number that the next durable queue gets. @throws DamagedStore */
export function recover(core: Core, store: Store): number {
  const found = new Map<number, Found>();
  const values = readValues(core, store);
  let next = 1;
  for (const [key, value] of values) {
    if (key[0] !== "q") continue;
    const number = readQueueNumber(key);
    next = Math.max(next, number + 1);
    found.set(number, recoverQueue(core, number, value));
  }
  for (const [key, value] of values) {
    const kind = key[0]!;
    if (kind === "r") recoverRetained(core, key, value);
    if (kind === "r" || kind === "q" || kind === VERSION_KEY) continue;
    const of = found.get(readQueueNumber(key));
    if (of === undefined)
      throw new DamagedStore(`there is something of queue ${readQueueNumber(key)}, and no such queue`);
    if (kind === "m") recoverMessages(core, of, key, value, values);
    else if (kind === "i") of.queue.recallId(readText(key, 5), value.readDoubleBE(0));
  }
  for (const { queue, nextOrder } of found.values()) queue.recovered(nextOrder);
  return next;
}

function readValues(core: Core, store: Store): Values {
  const values = new Map<string, Buffer>();
  let version: string | undefined;
  for (const { key, value } of store.entries()) {
    if (key === VERSION_KEY) {
      version = value.toString();
      continue;
    }
    const text = unseal(key, value);
    if (text === undefined) throw new DamagedStore(`${aboutKey(key)} can't be read`);
    values.set(key, text);
  }
  if (version === undefined && values.size > 0) throw new DamagedStore("the version of its layout is missing");
  if (version !== undefined && version !== LAYOUT_VERSION) {
    throw new DamagedStore(`it was written in layout ${version}, and this broker reads layout ${LAYOUT_VERSION}`);
  }
  if (version === undefined) core.durability.put(VERSION_KEY, Buffer.from(LAYOUT_VERSION));
  return values;
}

/** What is kept under `key`, in words. */
function aboutKey(key: string): string {
  const kinds: Record<string, string> = {
    q: "the description",
    m: "messages",
    s: "what is settled",
    a: "attempts",
    t: "a time",
    i: "a message id",
  };
  const kind = kinds[key[0]!];
  if (kind !== undefined && key.length >= 5) return `${kind} of queue ${readQueueNumber(key)}`;
  return key[0] === "r" ? `the retained value of ${quote(readText(key, 1))}` : "an entry of unknown kind";
}

function recoverQueue(core: Core, number: number, value: Buffer): Found {
  let about: { name: string; pattern: string; options: QueueOptions };
  try {
    about = JSON.parse(value.toString("utf8")) as typeof about;
  } catch (cause) {
    throw new DamagedStore(`queue ${number} can't be read`, { cause });
  }
  const log = new QueueLog(core.durability, number);
  const options = { ...about.options, deadLetter: about.options.deadLetter, partitionBy: about.options.partitionBy };
  const queue = new Queue(core, about.name, about.pattern, options, log);
  core.queues.set(about.name, queue);
  core.outboxes.add(about.pattern, queue.outbox);
  return { queue, log, nextOrder: 0 };
}

function recoverRetained(core: Core, key: string, value: Buffer): void {
  core.retained.keep(readText(key, 1), value, 0, value.length);
}

function recoverMessages(core: Core, found: Found, key: string, bytes: Buffer, values: Values): void {
  const { queue, log } = found;
  const order = readOrder(key);
  const number = readQueueNumber(key);
  const count = countFrames(bytes, queue.name);
  const settledValue = values.get(orderKey("s", number, order));
  const settled = settledValue === undefined ? [] : decodeRanges(settledValue);
  log.recall(order, count, settled);
  found.nextOrder = Math.max(found.nextOrder, order + count);
  const chunk = core.chunks.takeExactly(bytes.length);
  bytes.copy(chunk.buf);
  const isSettled = (offset: number): boolean => settled.some(([from, to]) => offset >= from && offset < to);
  const note = (offset: number): Note | undefined => noteOf(values, number, order + offset);
  let end = 0;
  for (let offset = 0; offset < count;) {
    // One run: settled or not alike, and alone where something is noted of it.
    const run = new Run(chunk, end, end, 0, order + offset, core.nowMs());
    const isGone = isSettled(offset);
    const noted = note(offset);
    do {
      end = frameEnd(chunk.buf, end, chunk.buf.length);
      run.count++;
      offset++;
      if (noted !== undefined) break;
    } while (offset < count && isSettled(offset) === isGone && note(offset) === undefined);
    if (isGone) continue;
    run.end = end;
    chunk.retain();
    if (noted?.attempt !== undefined) log.recallNote("a", run.order);
    if (noted?.times !== undefined) log.recallNote("t", run.order);
    queue.recall(run, noted?.attempt, noted?.times);
  }
  chunk.release();
}

/** What is noted of a single message. */
function noteOf(values: Values, queue: number, order: number): Note | undefined {
  const attempt = values.get(orderKey("a", queue, order))?.readUInt32BE(0);
  const times = values.get(orderKey("t", queue, order));
  if (attempt === undefined && times === undefined) return undefined;
  return {
    attempt,
    times: times === undefined ? undefined : { notBeforeMs: times.readDoubleBE(0), notAfterMs: times.readDoubleBE(8) },
  };
}

interface Note {
  readonly attempt: number | undefined;
  readonly times: { notBeforeMs: number; notAfterMs: number } | undefined;
}

function countFrames(bytes: Buffer, queue: string): number {
  let count = 0;
  for (let at = 0; at < bytes.length; at = frame.end, count++) {
    const isWhole = scanFrame(bytes, at, bytes.length, Number.POSITIVE_INFINITY, frame) === Scan.FRAME;
    if (!isWhole || frame.count < 3 || readStr(bytes, frame.at[1]!, frame.at[2]!) === undefined) {
      throw new DamagedStore(`messages of queue ${queue} are damaged`);
    }
  }
  return count;
}

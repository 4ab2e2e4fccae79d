// How a caller awaits its replies: the first one, or all of them one after the other.

import { type Headers, writePayload, writeValue } from "../shared/codec/value.ts";
import { FrameWriter } from "../shared/codec/write.ts";
import { PodbusError } from "../shared/errors.ts";
import { checkTopic } from "../shared/topic.ts";
import { abortError, onAbort, throwIfAborted } from "./abort.ts";
import { type Call, type Calls, type CallSpec, MAX_TIMEOUT_MS, type ReplySink } from "./calls.ts";
import { Deque } from "./deque.ts";
import { headersProblem } from "./headers.ts";
import { Later } from "./later.ts";

export interface RequestOptions {
  /** Time for the first, and each further, reply in milliseconds; 0: no limit. @default the bus's `timeoutMs`, 30000 */
  timeoutMs?: number | undefined;
  /** Gives up, and tells the responder so. */
  signal?: AbortSignal | undefined;
  /** Sent along; the responder finds them in `headers`. @default none */
  headers?: Headers | undefined;
}

/** Replies that may wait for a slow loop before the request fails with `limit`, and bytes of them. */
const MAX_WAITING = 65_536;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

const scratch = new FrameWriter(0);
let lastTopic = "";

/** @throws PodbusError `bad_topic`, `bad_payload`, `bad_option` */
export function callSpec(
  topic: string,
  data: unknown,
  { timeoutMs, headers }: { timeoutMs: number; headers?: Headers | undefined },
): CallSpec {
  if (topic !== lastTopic) {
    checkTopic(topic);
    lastTopic = topic;
  }
  checkTimeout(timeoutMs);
  const problem = headersProblem(headers);
  if (problem !== undefined) throw problem;
  return { topic, elements: encode(topic, data, headers), timeoutMs, timedByBroker: true, repeats: false };
}

export function checkTimeout(timeoutMs: number): void {
  if (Number.isFinite(timeoutMs) && timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS) return;
  const message = `timeoutMs must be a number of milliseconds from 0 (no limit) to ${MAX_TIMEOUT_MS}, but this is ${timeoutMs}`;
  throw new PodbusError("bad_option", message);
}

export function encode(topic: string, data: unknown, headers: Headers | undefined): Buffer {
  const w = scratch.reset().str(topic);
  writePayload(w, data);
  if (headers === undefined) w.nil();
  else writeValue(w, headers);
  const elements = Buffer.from(w.bytes());
  if (scratch.buf.length > 1024 * 1024) scratch.take(); // one large request must not be held for ever
  return elements;
}

/** Resolves with the first reply; where more would follow, they are cancelled. */
export function requestOne(
  calls: Calls,
  spec: CallSpec,
  signal?: AbortSignal,
  what = `the request to ${spec.topic}`,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    throwIfAborted(signal, what);
    let stop = (): void => {};
    const call = calls.start(spec, {
      reply(payload) {
        stop();
        resolve(payload);
        return false;
      },
      fail(error) {
        stop();
        reject(error);
      },
    });
    if (signal === undefined) return;
    stop = onAbort(signal, () => {
      calls.cancel(call);
      reject(abortError(signal, what));
    });
  });
}

/** All replies. The request is sent when the first is asked for; leaving the loop cancels it. */
export class Replies implements AsyncIterableIterator<unknown, undefined>, ReplySink {
  readonly #calls: Calls;
  readonly #spec: CallSpec;
  readonly #signal: AbortSignal | undefined;
  readonly #items = new Deque<{ readonly payload: unknown; readonly bytes: number }>();
  #itemBytes = 0;
  /** Replies that were asked for and have not come; there are none while items wait. */
  readonly #waiting = new Deque<Later<IteratorResult<unknown, undefined>>>();
  #call: Call | undefined;
  #over = false;
  #error: PodbusError | undefined;
  #stop = (): void => {};

  constructor(calls: Calls, spec: CallSpec, signal: AbortSignal | undefined) {
    this.#calls = calls;
    this.#spec = spec;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#itemBytes -= item.bytes;
      return { done: false, value: item.payload };
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      throw error;
    }
    if (this.#over) return { done: true, value: undefined };
    if (this.#call === undefined) this.#begin();
    const later = new Later<IteratorResult<unknown, undefined>>();
    this.#waiting.push(later);
    return later.promise;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- an iterator's return() gives a promise
  async return(): Promise<IteratorResult<unknown, undefined>> {
    if (!this.#over && this.#call !== undefined) this.#calls.cancel(this.#call);
    this.#items.clear();
    this.#end();
    return { done: true, value: undefined };
  }

  reply(payload: unknown, isLast: boolean, bytes: number): boolean {
    // The end of a stream says nothing of its own; a single answer is its own end.
    if (!isLast || payload !== null) this.#put(payload, bytes);
    if (isLast) this.#end();
    const { length } = this.#items;
    if (length < MAX_WAITING && this.#itemBytes < MAX_WAITING_BYTES) return true;
    const held = `${length} replies of ${this.#itemBytes} bytes from ${this.#spec.topic} wait to be taken`;
    this.fail(new PodbusError("limit", `${held}; take them faster, or ask for less at a time`));
    return false;
  }

  fail(error: PodbusError): void {
    if (this.#over) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#error = error;
    else waiting.reject(error);
    this.#end();
  }

  #begin(): void {
    const what = `the request to ${this.#spec.topic}`;
    try {
      throwIfAborted(this.#signal, what);
      this.#call = this.#calls.start(this.#spec, this);
    } catch (error) {
      this.#over = true;
      throw error;
    }
    this.#stop = onAbort(this.#signal, () => {
      this.#calls.cancel(this.#call!);
      this.fail(abortError(this.#signal!, what));
    });
  }

  #put(payload: unknown, bytes: number): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#items.push({ payload, bytes });
      this.#itemBytes += bytes;
    } else waiting.resolve({ done: false, value: payload });
  }

  #end(): void {
    this.#over = true;
    this.#stop();
    for (const waiting of this.#waiting.clear()) waiting.resolve({ done: true, value: undefined });
  }
}

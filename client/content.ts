// What a message and a request have in common: topic, payload and headers, as a view of the bytes that were read, decoded on first
// touch. It stays as it is for as long as it is held (and keeps the chunk that it came in), but for one of a transient subscription,
// which has nothing any more once its handler has returned. Cost: one small object; topic, data and headers cost only who looks at
// them. Its fields are private by the keyword: #fields would cost as much again as the object.

import { binStart, decodeText, strStart } from "../shared/codec/read.ts";
import type { Frame } from "../shared/codec/scan.ts";
import { OPAQUE } from "../shared/codec/plain-read.ts";
import { type Headers, payloadStart, readMap, readPayload } from "../shared/codec/value.ts";
import { viewOf } from "../shared/codec/view.ts";
import { PodbusError } from "../shared/errors.ts";
import type { Untyped } from "./topics.ts";

const NO_HEADERS: Readonly<Headers> = Object.freeze({});

export class Content<Data = Untyped> {
  /** Where its subscription is to one topic: that. */
  declare private readonly fixedTopic: string | undefined;
  declare private readonly buf: Buffer;
  /** That of {@link buf}, which begins where it begins. Asking a Buffer for it costs as much as the look at its bytes. */
  declare private readonly memory: ArrayBufferLike;
  declare private topicAt: number;
  declare private payloadAt: number;
  /** 0 where there is nothing to show. */
  declare private payloadEnd: number;
  /** 0 where there are none. */
  declare private headersEnd: number;
  /** What {@link data} is, once that was asked for. `undefined` before: to store that costs no write barrier. */
  declare private read: unknown;

  /** @param first which element of the frame is the topic */
  constructor(fixedTopic: string | undefined, buf: Buffer, memory: ArrayBufferLike, frame: Frame, first: number) {
    this.fixedTopic = fixedTopic;
    this.buf = buf;
    this.memory = memory;
    Content.show(this, frame, first);
  }

  get topic(): string {
    if (this.fixedTopic !== undefined) return this.fixedTopic;
    if (this.payloadEnd === 0) throw gone();
    return decodeText(this.buf, strStart(this.buf, this.topicAt), this.payloadAt) ?? "";
  }

  /**
   * The payload: bytes as a Buffer, text as a string, numbers, booleans and null as themselves (integers beyond 2^53 as bigint), all
   * else as it was encoded.
   * @throws PodbusError `bad_payload` where it can't be decoded safely; {@link bytes} can be read all the same. As all that reads a
   * message: `bad_option` behind the handler of a transient subscription.
   */
  get data(): Data {
    if (this.payloadEnd === 0) throw gone();
    if (this.read === undefined) {
      const start = binStart(this.buf, this.payloadAt);
      this.read =
        start >= 0
          ? viewOf(this.memory, start, this.payloadEnd)
          : readPayload(this.buf, this.payloadAt, this.payloadEnd);
    }
    return this.read as Data;
  }

  /** The payload's bytes, not decoded: of bytes and text what they are, of all else its msgpack. */
  get bytes(): Buffer {
    if (this.payloadEnd === 0) throw gone();
    return viewOf(this.memory, payloadStart(this.buf, this.payloadAt), this.payloadEnd);
  }

  /**
   * What the message was read into, others beside it: its {@link bytes} are `chunk[start … end)`. For those who read or copy them from
   * there, which saves the making of a view, for a short message the dearest part of looking at it. Not to be written to.
   */
  get chunk(): Buffer {
    return this.buf;
  }

  /** Where the payload's bytes begin in {@link chunk}. */
  get start(): number {
    if (this.payloadEnd === 0) throw gone();
    return payloadStart(this.buf, this.payloadAt);
  }

  /** Where the payload's bytes end in {@link chunk}; 0 behind the handler of a transient subscription, where {@link start} throws. */
  get end(): number {
    return this.payloadEnd;
  }

  /** The headers, but for those that can't be read; an empty object where there are none. */
  get headers(): Readonly<Headers> {
    if (this.payloadEnd === 0) throw gone();
    if (this.headersEnd === 0) return NO_HEADERS;
    const headers = readMap(this.buf, this.payloadEnd, this.headersEnd, true);
    if (headers === undefined) return NO_HEADERS;
    for (const name in headers) if (holdsOpaque(headers[name])) delete headers[name];
    return headers as Headers;
  }

  /** Printed, and logged as JSON, as what it carries, not as the bytes that it stands in. */
  static {
    const value = function (this: Content): object {
      if (this.payloadEnd === 0) return { topic: this.fixedTopic, gone: true };
      const { topic, bytes, headers } = this;
      let data: unknown = bytes;
      try {
        ({ data } = this);
      } catch {
        // What can't be decoded is shown as its bytes.
      }
      return { topic, data, headers };
    };
    for (const name of [Symbol.for("nodejs.util.inspect.custom"), "toJSON"])
      Object.defineProperty(this.prototype, name, { value });
  }

  /** From now on it shows what is in `frame`, which was scanned in its buffer. */
  static show(content: Content, frame: Frame, first: number): void {
    const { at } = frame;
    content.topicAt = at[first]!;
    content.payloadAt = at[first + 1]!;
    content.payloadEnd = at[first + 2]!;
    content.headersEnd = frame.count > first + 2 ? at[first + 3]! : 0;
    content.read = undefined;
  }

  /** Its memory is about to be used again: from now on it has nothing to show. */
  static over(content: Content): void {
    content.payloadEnd = 0;
  }

  /** Bytes of its frame, about, for who counts what waits. */
  static sizeOf(content: Content): number {
    return (content.headersEnd || content.payloadEnd) - content.topicAt + 2;
  }
}

function gone(): PodbusError {
  const message =
    "this message was there for as long as its handler ran; copy what is kept, or subscribe without transient";
  return new PodbusError("bad_option", message);
}

/** Whether it is what we can't read, or a structure that has such a thing in it. */
function holdsOpaque(value: unknown): boolean {
  if (value === OPAQUE) return true;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  return Object.values(value).some(holdsOpaque);
}

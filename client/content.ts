// What a message and a request have in common: topic, payload and headers, as a view of the bytes that were read, decoded on first
// touch. It stays as it is for as long as it is held (and keeps the chunk that it came in). Cost: one small object; topic, data and
// headers cost only who looks at them.

import { decodeText, strStart } from "../shared/codec/read.ts";
import type { Frame } from "../shared/codec/scan.ts";
import { type Headers, payloadBytes, readMap, readPayload } from "../shared/codec/value.ts";
import type { Untyped } from "./topics.ts";

const UNREAD = Symbol("unread");
const NO_HEADERS: Readonly<Headers> = Object.freeze({});

export class Content<Data = Untyped> {
  /** Where its subscription is to one topic: that. */
  readonly #fixedTopic: string | undefined;
  readonly #buf: Buffer;
  readonly #topicAt: number;
  readonly #payloadAt: number;
  readonly #payloadEnd: number;
  /** 0 where there are none. */
  readonly #headersEnd: number;
  #data: unknown = UNREAD;

  /** @param first which element of the frame is the topic */
  constructor(fixedTopic: string | undefined, buf: Buffer, frame: Frame, first: number) {
    const { at } = frame;
    this.#fixedTopic = fixedTopic;
    this.#buf = buf;
    this.#topicAt = at[first]!;
    this.#payloadAt = at[first + 1]!;
    this.#payloadEnd = at[first + 2]!;
    this.#headersEnd = frame.count > first + 2 ? at[first + 3]! : 0;
  }

  get topic(): string {
    if (this.#fixedTopic !== undefined) return this.#fixedTopic;
    return decodeText(this.#buf, strStart(this.#buf, this.#topicAt), this.#payloadAt) ?? "";
  }

  /**
   * The payload: bytes as a Buffer, text as a string, numbers, booleans and null as themselves (integers beyond 2^53 as bigint), all
   * else as it was encoded.
   * @throws PodbusError `bad_payload` where it can't be decoded safely; {@link bytes} can be read all the same.
   */
  get data(): Data {
    if (this.#data === UNREAD) this.#data = readPayload(this.#buf, this.#payloadAt, this.#payloadEnd);
    return this.#data as Data;
  }

  /** The payload's bytes, not decoded: of bytes and text what they are, of all else its msgpack. */
  get bytes(): Buffer {
    return payloadBytes(this.#buf, this.#payloadAt, this.#payloadEnd);
  }

  /** The headers; an empty object where there are none, or they can't be read. */
  get headers(): Readonly<Headers> {
    if (this.#headersEnd === 0) return NO_HEADERS;
    return (readMap(this.#buf, this.#payloadEnd, this.#headersEnd) as Headers | undefined) ?? NO_HEADERS;
  }

  /** Bytes of its frame, about, for who counts what waits. */
  static sizeOf(content: Content): number {
    return (content.#headersEnd || content.#payloadEnd) - content.#topicAt + 2;
  }
}

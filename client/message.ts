// A message as a handler gets it: a view of the bytes that were read, decoded on first touch. It stays as it is for as long as it
// is held (and keeps the chunk that it came in). Cost: one small object; topic, data and headers cost only who looks at them.

import type { Frame } from "../shared/codec/scan.ts";
import { decodeText, strStart } from "../shared/codec/read.ts";
import { type Headers, payloadBytes, readMap, readPayload } from "../shared/codec/value.ts";
import { PodbusError } from "../shared/errors.ts";
import { Verdict } from "./acks.ts";
import type { Delivery } from "./delivery.ts";
import type { Untyped } from "./topics.ts";

const UNREAD = Symbol("unread");
const NO_HEADERS: Headers = Object.freeze({});

export class Message<Data = Untyped> {
  readonly #delivery: Delivery;
  readonly #buf: Buffer;
  readonly #topicAt: number;
  readonly #payloadAt: number;
  readonly #payloadEnd: number;
  /** 0 where there are none. */
  readonly #headersEnd: number;
  /** Its number; 0 where its subscription does not acknowledge. Negative once it is settled. */
  #seq: number;
  #data: unknown = UNREAD;

  /** Messages are made by the client. */
  constructor(delivery: Delivery, buf: Buffer, frame: Frame) {
    const { at } = frame;
    this.#delivery = delivery;
    this.#buf = buf;
    this.#topicAt = at[1]!;
    this.#payloadAt = at[2]!;
    this.#payloadEnd = at[3]!;
    this.#headersEnd = frame.count > 3 ? at[4]! : 0;
    this.#seq = delivery.seq === 0 ? 0 : delivery.seq++;
  }

  get topic(): string {
    return this.#delivery.owner.fixedTopic ?? readTopic(this.#buf, this.#topicAt, this.#payloadAt);
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

  /** Which delivery of this message to a member of its queue this is, from 1. */
  get attempt(): number {
    return this.#delivery.attempt;
  }

  /** Whether this is a retained value that was there before the subscription. */
  get retained(): boolean {
    return this.#delivery.retained;
  }

  /** Whether it was acknowledged, given back or rejected, or never needs to be. */
  get settled(): boolean {
    return this.#seq <= 0;
  }

  /** The message is done. @throws PodbusError `bad_option` where its subscription does not acknowledge. */
  ack(): void {
    this.#settle(Verdict.DONE);
  }

  /** Deliver it again, to any member of the queue, and after `delayMs` if given. It costs an attempt. */
  retry(delayMs?: number): void {
    if (delayMs !== undefined && !(Number.isSafeInteger(delayMs) && delayMs >= 0)) {
      throw new PodbusError("bad_option", `delayMs must be a whole number of milliseconds, 0 or more, but this is ${delayMs}`);
    }
    this.#settle(Verdict.AGAIN, delayMs);
  }

  /** The message is dead: to the queue's dead letters at once. */
  reject(): void {
    this.#settle(Verdict.REJECT);
  }

  /** Still at it: the queue's ackTimeoutMs begins anew. */
  working(): void {
    if (this.#seq > 0) this.#send(this.#seq, Verdict.WORKING);
    else if (this.#seq === 0) this.#settle(Verdict.WORKING);
  }

  /** Bytes of its frame, about, for who counts what waits. */
  static sizeOf(message: Message): number {
    return (message.#headersEnd || message.#payloadEnd) - message.#topicAt + 2;
  }

  /** The number that it came under; 0 where there is none, or it is settled. */
  static seqOf(message: Message): number {
    return Math.max(message.#seq, 0);
  }

  /** The first verdict counts; later ones are ignored, as they would be by the broker. */
  #settle(verdict: Verdict, delayMs?: number): void {
    const seq = this.#seq;
    if (seq < 0) return;
    if (seq === 0) {
      throw new PodbusError("bad_option", "this subscription does not acknowledge: subscribe with { queue, ack: true }");
    }
    this.#seq = -seq;
    this.#send(seq, verdict, delayMs);
  }

  #send(seq: number, verdict: Verdict, delayMs?: number): void {
    const { owner, sid } = this.#delivery;
    owner.settle(sid, seq, verdict, delayMs);
  }
}

/** The text of a topic element. */
export function readTopic(buf: Buffer, at: number, end: number): string {
  return decodeText(buf, strStart(buf, at), end) ?? "";
}

// A message as a handler or a loop gets it, and its settlement. Which connection it came by, and how a verdict travels, is not
// known here. Cost: see client/content.ts.

import type { Frame } from "../shared/codec/scan.ts";
import { PodbusError } from "../shared/errors.ts";
import { MAX_ID } from "../shared/protocol.ts";
import { Verdict } from "./acks.ts";
import { Content } from "./content.ts";
import type { Delivery } from "./delivery.ts";
import type { Untyped } from "./topics.ts";

/** What an ACK can say: more is a bad frame to the broker, which would end the connection. */
const MAX_DELAY_MS = MAX_ID;

/** Where the topic is in a PUB. */
const FIRST = 1;

export class Message<Data = Untyped> extends Content<Data> {
  declare private readonly delivery: Delivery;
  /** Its number; 0 where its subscription does not acknowledge; negated once it is settled. */
  declare private seq: number;

  /** Messages are made by the client. */
  constructor(delivery: Delivery, buf: Buffer, memory: ArrayBufferLike, frame: Frame) {
    super(delivery.owner.fixedTopic, buf, memory, frame, FIRST);
    this.delivery = delivery;
    this.seq = delivery.seq === 0 ? 0 : delivery.seq++;
  }

  /** Makes one that nobody may look at any more, and that has no number, the next of its delivery. `frame` was scanned in the same buffer. */
  static turnTo(message: Message, frame: Frame): void {
    Content.show(message, frame, FIRST);
  }

  /** Which delivery of this message to a member of its queue this is, from 1. */
  get attempt(): number {
    return this.delivery.attempt;
  }

  /** Whether this is a retained value that was there before the subscription. */
  get retained(): boolean {
    return this.delivery.retained;
  }

  /** Whether it was acknowledged, given back or rejected, or never needs to be. */
  get settled(): boolean {
    return this.seq <= 0;
  }

  /** The message is done. @throws PodbusError `bad_option` where its subscription does not acknowledge. */
  ack(): void {
    this.#settle(Verdict.DONE);
  }

  /**
   * Deliver it again, to any member of the queue; after `delayMs`, if given, at most 4294967295 (49 days). It costs an attempt.
   * @throws PodbusError `bad_option` for a delay that can't be, and as {@link ack}
   */
  retry(delayMs?: number): void {
    if (delayMs !== undefined && !(Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= MAX_DELAY_MS)) {
      throw new PodbusError(
        "bad_option",
        `delayMs must be a whole number of milliseconds from 0 to ${MAX_DELAY_MS}, but this is ${delayMs}`,
      );
    }
    this.#settle(Verdict.AGAIN, delayMs);
  }

  /** The message is dead: to the queue's dead letters at once. */
  reject(): void {
    this.#settle(Verdict.REJECT);
  }

  /** Still at it: the queue's `ackTimeoutMs` begins anew for this message. */
  working(): void {
    this.#needsAck();
    if (this.seq > 0) this.#send(this.seq, Verdict.WORKING);
  }

  /** The sid and number that it came under, where it is to be settled yet. */
  static unsettled(message: Message): { sid: number; seq: number } | undefined {
    return message.seq > 0 ? { sid: message.delivery.sid, seq: message.seq } : undefined;
  }

  /** The first verdict counts; later ones are ignored, as the broker would ignore them. */
  #settle(verdict: Verdict, delayMs?: number): void {
    this.#needsAck();
    const seq = this.seq;
    if (seq < 0) return;
    this.seq = -seq;
    this.#send(seq, verdict, delayMs);
  }

  #needsAck(): void {
    if (this.seq !== 0) return;
    throw new PodbusError("bad_option", "this subscription does not acknowledge: subscribe with { queue, ack: true }");
  }

  #send(seq: number, verdict: Verdict, delayMs?: number): void {
    this.delivery.owner.settle(this.delivery.sid, seq, verdict, delayMs);
  }
}

// One connection: the opening, frames in and what each of them means, signs of life, and the end. It knows frames and whom to tell,
// and neither reconnecting nor what is done with a message. Cost per message: a scan of its headers, one object, and the call.
//
//   greeting ── HELLO ──> opening ── OK 0 ──> open ──> over
//
// A chunk is used again only where nothing in it may be held any more, so that messages stay valid for as long as they are.

import { type Chunk, type ChunkSource, Intake } from "../shared/codec/intake.ts";
import { Frame, Scan } from "../shared/codec/scan.ts";
import { readMap, writeValue } from "../shared/codec/value.ts";
import { FrameWriter } from "../shared/codec/write.ts";
import { isWireCode, PodbusError } from "../shared/errors.ts";
import { DEFAULT_HANDSHAKE_MS, FOR_RETAINED, MAX_HELLO_BYTES, Op, PROTOCOL_VERSION } from "../shared/protocol.ts";
import { Content } from "./content.ts";
import { Delivery } from "./delivery.ts";
import { badFrame, has, int, optionalInt, optionalStr, str } from "./elements.ts";
import type { Env } from "./env.ts";
import { type Greeting, readGreeting } from "./greeting.ts";
import { Message } from "./message.ts";
import { type Claim, Proof } from "./proof.ts";
import type { Subscriber } from "./subscriber.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** What the broker's own answers may have beyond its limit for ours. */
const BROKER_EXTRA_BYTES = 16 * 1024 * 1024;

export interface SessionOptions {
  readonly name: string | undefined;
  /** The largest frame that is taken, whatever the broker announces. */
  readonly maxIncoming: number;
}

/** What a session tells. */
export interface SessionOwner {
  /** The connection is open; what comes first may be written now. */
  opened(greeting: Greeting, transport: Transport): void;
  /** Something was read: a new turn. */
  heard(): void;
  written(): void;
  subscriber(sid: number): Subscriber | undefined;
  /** A REQ, to a responder of ours. */
  request(subscriber: Subscriber, id: number, buf: Buffer, frame: Frame): void;
  ok(id: number, result: number): void;
  /** `ref` is the id or sid that it is about. */
  refused(ref: number | undefined, error: PodbusError, topic: string | undefined): void;
  replied(id: number, status: number, buf: Buffer, frame: Frame): void;
  cancel(id: number): void;
  xoff(topic: string, why: string | undefined): void;
  xon(topic: string): void;
  gap(sid: number, lost: number): void;
  /** A PING is to be answered. */
  ping(): void;
  /** Nothing was heard for a while: something that is answered should be sent. */
  quiet(): void;
  bye(reason: string | undefined): void;
  /** Once, and last of all. */
  ended(error: PodbusError): void;
}

/** What is read into. It is shared once somebody may hold a part of it, and then left to the collector. */
class HeldChunk implements Chunk {
  readonly buf: Buffer;
  shared = false;

  constructor(bytes: number) {
    this.buf = Buffer.allocUnsafeSlow(bytes);
  }

  retain(): void {
    this.shared = true;
  }

  release(): void {}
}

const chunks: ChunkSource = { take: (bytes) => new HeldChunk(bytes) };

/** What a socket may still be given to read into once nobody cares. */
const NOWHERE: Buffer = Buffer.allocUnsafeSlow(1024);

export class Session implements TransportSink {
  readonly #env: Env;
  readonly #owner: SessionOwner;
  readonly #options: SessionOptions;
  readonly #proof: Proof;
  readonly #intake = new Intake(chunks, MAX_HELLO_BYTES);
  readonly #frame = new Frame();
  #transport: Transport | undefined;
  #state: "greeting" | "opening" | "open" | "over" = "greeting";
  #greeting: Greeting | undefined;
  /** The context of the deliveries that follow. */
  #delivery: Delivery<Subscriber> | undefined;
  /** The message that came last, where nobody may look at it any more: the next one of its delivery, if they are not acknowledged. */
  #over: Message | undefined;
  #error: PodbusError | undefined;
  #heard = false;
  #silentBeats = 0;
  #cancelTimer: () => void = () => {};

  constructor(env: Env, owner: SessionOwner, options: SessionOptions, claim: Claim) {
    this.#env = env;
    this.#owner = owner;
    this.#options = options;
    this.#proof = new Proof(claim);
  }

  /** @param handshakeMs how long the opening may take; at most what a broker allows */
  start(transport: Transport, handshakeMs: number): void {
    this.#transport = transport;
    this.#cancelTimer = this.#env.after(Math.min(handshakeMs, DEFAULT_HANDSHAKE_MS), () => {
      const message = "whoever listens there did not greet as a podbus broker does";
      this.fail(new PodbusError("timeout", message));
    });
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  room(): Buffer {
    return this.#state === "over" ? NOWHERE : this.#intake.room();
  }

  filled(bytes: number): void {
    if (this.#state === "over") return;
    this.#heard = true;
    this.#owner.heard();
    this.#intake.filled(bytes);
    try {
      this.#scan();
    } catch (error) {
      if (!(error instanceof PodbusError)) throw error;
      this.fail(error);
    } finally {
      this.#endOver();
    }
  }

  written(): void {
    if (this.#state === "open") this.#owner.written();
  }

  ended(reason: string): void {
    this.fail(new PodbusError("disconnected", reason));
  }

  /** The subscription's number is not to be heard of again. */
  forget(sid: number): void {
    if (this.#delivery?.sid === sid) this.#delivery = undefined;
  }

  /** Ends the connection for the first reason that was given. */
  fail(error: PodbusError): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#cancelTimer();
    this.#transport?.destroy();
    this.#intake.close();
    this.#delivery = undefined;
    this.#owner.ended(this.#error ?? error);
  }

  /** Ends the stream behind what was written; what the broker still sends is acted upon. */
  end(): void {
    this.#transport?.end();
  }

  #scan(): void {
    const intake = this.#intake;
    const frame = this.#frame;
    const { chunk } = intake;
    const { buf } = chunk;
    const memory = buf.buffer;
    for (;;) {
      const result = intake.next(frame);
      if (result !== Scan.FRAME) {
        if (result === Scan.MORE) return;
        if (result === Scan.TOO_LARGE) throw this.#tooLarge();
        throw new PodbusError("bad_frame", "whoever listens there sent what is no frame of podbus");
      }
      const { op } = frame;
      const delivery = this.#delivery;
      if ((op === Op.PUB || op === Op.RETAIN) && delivery !== undefined && !delivery.answers) {
        if (frame.count < 3) throw badFrame(op, "it should have a topic and a payload");
        let message = this.#over;
        if (message !== undefined && delivery.seq === 0) {
          Message.turnTo(message, frame);
        } else {
          this.#endOver(); // a verdict that comes too late is not to be one on the next message
          message = new Message(delivery, buf, memory, frame);
        }
        if (delivery.owner.deliver(message)) {
          this.#over = message;
        } else {
          this.#over = undefined;
          chunk.retain();
        }
      } else {
        this.#endOver();
        if (this.#state !== "open" || op === Op.REQ || op === Op.REPLY) chunk.retain(); // of others nothing but copies is kept
        this.#dispatch(op, frame, buf);
      }
      if (this.#isOver()) return;
    }
  }

  #endOver(): void {
    if (this.#over === undefined) return;
    Content.over(this.#over);
    this.#over = undefined;
  }

  #tooLarge(): PodbusError {
    const limit = this.#intake.maxFrameBytes;
    const why = limit === this.#options.maxIncoming ? ", the option maxIncoming of this client" : "";
    return new PodbusError("too_large", `whoever listens there sent a frame of more than ${limit} bytes${why}`);
  }

  /** A call, so that the compiler does not take the state for known across handlers. */
  #isOver(): boolean {
    return this.#state === "over";
  }

  #dispatch(op: number, frame: Frame, buf: Buffer): void {
    if (this.#state !== "open") {
      this.#open(op, frame, buf);
      return;
    }
    const owner = this.#owner;
    switch (op) {
      case Op.FOR:
        this.#turnTo(frame, buf);
        return;
      case Op.REQ:
        if (this.#delivery === undefined) return; // its responder has ended
        if (!this.#delivery.answers) throw badFrame(op, "it is for a subscription that takes no requests");
        if (frame.count < 4) throw badFrame(op, "it should have an id, a topic and a payload");
        owner.request(this.#delivery.owner, int(frame, buf, 1), buf, frame);
        return;
      case Op.REPLY:
        if (frame.count < 4) throw badFrame(op, "it should have an id, a status and a payload");
        owner.replied(int(frame, buf, 1), int(frame, buf, 2, 0, 2), buf, frame);
        return;
      case Op.OK:
        owner.ok(int(frame, buf, 1), optionalInt(frame, buf, 2, 0, 0));
        return;
      case Op.ERR:
        this.#refused(frame, buf);
        return;
      case Op.CANCEL:
        owner.cancel(int(frame, buf, 1));
        return;
      case Op.XOFF:
        owner.xoff(str(frame, buf, 1), optionalStr(frame, buf, 2));
        return;
      case Op.XON:
        owner.xon(str(frame, buf, 1));
        return;
      case Op.GAP:
        owner.gap(int(frame, buf, 1), int(frame, buf, 2, 0, Number.MAX_SAFE_INTEGER));
        return;
      case Op.PING:
        owner.ping();
        return;
      case Op.PONG:
        return;
      case Op.BYE:
        owner.bye(optionalStr(frame, buf, 1));
        return;
      case Op.PUB:
      case Op.RETAIN:
        // Whoever this was for has ended.
        if (this.#delivery === undefined) return;
        throw badFrame(op, "it is for a responder");
      default:
        throw badFrame(op, "it is not the broker's to send");
    }
  }

  #open(op: number, frame: Frame, buf: Buffer): void {
    if (op === Op.ERR) {
      this.#refused(frame, buf);
    } else if (this.#state === "greeting") {
      if (op !== Op.HELLO) throw badFrame(op, "its first frame should be a HELLO");
      this.#greeting = readGreeting(frame, buf);
      this.#hello(this.#greeting);
      this.#state = "opening";
    } else {
      if (op !== Op.OK || int(frame, buf, 1, 0) !== 0) throw badFrame(op, "it should answer our HELLO with OK 0");
      const options = has(frame, buf, 2) ? readMap(buf, frame.at[2]!, frame.at[3]!, true) : undefined;
      this.#proof.check(options?.["proof"]);
      // Until it is proved, nobody may have this client keep much.
      this.#intake.maxFrameBytes = Math.min(this.#greeting!.maxFrame + BROKER_EXTRA_BYTES, this.#options.maxIncoming);
      this.#state = "open";
      this.#cancelTimer();
      this.#heard = false;
      this.#beat();
      this.#owner.opened(this.#greeting!, this.#transport!);
    }
  }

  #hello(greeting: Greeting): void {
    const { name } = this.#options;
    const options = { ...(name !== undefined && { name }), ...this.#proof.hello(greeting) };
    const w = new FrameWriter(128);
    if (Object.keys(options).length === 0) w.frame(2, Op.HELLO).int(PROTOCOL_VERSION);
    else writeValue(w.frame(3, Op.HELLO).int(PROTOCOL_VERSION), options);
    this.#transport!.write([w.take()]);
  }

  #turnTo(frame: Frame, buf: Buffer): void {
    const sid = int(frame, buf, 1);
    const seq = optionalInt(frame, buf, 2, 0, 1);
    const attempt = optionalInt(frame, buf, 3, 1, 1);
    const flags = optionalInt(frame, buf, 4, 0, 0);
    const subscriber = this.#owner.subscriber(sid);
    this.#delivery = subscriber && new Delivery(subscriber, sid, seq, attempt, (flags & FOR_RETAINED) === FOR_RETAINED);
  }

  #refused(frame: Frame, buf: Buffer): void {
    const ref = has(frame, buf, 1) ? int(frame, buf, 1) : undefined;
    const code = str(frame, buf, 2);
    const error = new PodbusError(isWireCode(code) ? code : "unavailable", str(frame, buf, 3));
    const topic = optionalStr(frame, buf, 4);
    if (this.#state !== "open") {
      this.fail(error);
      return;
    }
    // Without a number and a topic it is about the connection, and the broker ends it.
    if (ref === undefined && topic === undefined) this.#error ??= error;
    this.#owner.refused(ref, error, topic);
  }

  #beat(): void {
    this.#cancelTimer = this.#env.after(this.#greeting!.heartbeatMs, () => {
      if (this.#heard) {
        this.#heard = false;
        this.#silentBeats = 0;
      } else if (++this.#silentBeats >= 2) {
        this.fail(new PodbusError("disconnected", "nothing was heard from the broker for two heartbeats"));
        return;
      } else {
        this.#owner.quiet();
      }
      this.#beat();
    });
  }
}

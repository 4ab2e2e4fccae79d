// A plain subscription, as protocol.md has it: all that matches, in order, and each loss told by a GAP at its place.

import { Violation } from "../trace.ts";
import type { Read } from "../wire.ts";
import { HeldUp } from "./held-up.ts";
import type { Message } from "./message.ts";
import type { PeerView } from "./peer.ts";

/** A connection that takes its bytes has room for that much: what waits on it is on its way, and in nobody's queue. */
const SURELY_TAKEN_BYTES = 128 * 1024;

export type Policy = "block" | "drop-oldest" | "drop-newest" | "latest" | "disconnect";

export class PlainView {
  readonly kind = "plain";
  readonly peer: PeerView;
  readonly sid: number;
  readonly pattern: string;
  readonly policy: Policy;
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Whether it is of the broker's own topics, of which the oracle does not know what is published. */
  readonly isSystem: boolean;
  /** Retained values that are to come first, by their number. */
  readonly retained: Map<number, Message> = new Map();
  /** Retained values of which it is not known whether the broker has them. */
  readonly maybeRetained: Map<number, Message> = new Map();
  /** Where in what its client sent its SUB stands, and its UNSUB. */
  readonly subPosition: number;
  unsubPosition: number = Number.POSITIVE_INFINITY;
  isHeld = false;
  heldSinceMs = 0;
  /** Nothing may come any more. */
  isOver = false;
  /** Whether some message may have found it full. */
  wasFull = false;
  /** GAPs that were told since the last message. */
  gap = 0;
  gapTotal = 0;
  #expected: Message[] = [];
  #next = 0;
  #bytes = 0;
  /** Of what was taken, and neither came nor was told to be lost: what may have been refused. */
  #refusable = 0;
  #refusableBytes = 0;
  #skippedTotal = 0;
  #unsureTotal = 0;
  /** The last event in which something was published, and it was not held. */
  #ableAt = -1;
  /** Messages that found it full, for sure, and are not told of yet; and how many there ever were. */
  readonly #left = new Set<Message>();
  #leftTotal = 0;
  /** How many messages may have been dropped. */
  #mayDrop = 0;
  /** Messages whose place was not known came, or were dropped. */
  #isOutOfOrder = false;
  readonly #dead = new Map<string, number>();
  /** Topics that it holds up for sure, since it was last half empty, and whose. */
  readonly heldUp: HeldUp = new HeldUp();

  constructor(
    peer: PeerView,
    sid: number,
    pattern: string,
    options: { overflow: Policy; maxMessages: number; maxBytes: number },
    subPosition: number,
  ) {
    this.peer = peer;
    this.sid = sid;
    this.pattern = pattern;
    this.policy = options.overflow;
    this.maxMessages = options.maxMessages;
    this.maxBytes = options.maxBytes;
    this.isSystem = pattern.startsWith("$");
    this.subPosition = subPosition;
  }

  get isLive(): boolean {
    return this.unsubPosition === Number.POSITIVE_INFINITY && !this.isOver;
  }

  /** Messages that were taken, and neither came nor were told to be lost: an upper bound of what waits. */
  get outstanding(): number {
    const untold = this.gapTotal - this.#skippedTotal - this.#unsureTotal;
    return this.#expected.length - this.#next - Math.max(0, untold, this.#left.size);
  }

  get outstandingBytes(): number {
    return this.#bytes;
  }

  get couldBeFull(): boolean {
    if (this.isVague) return true;
    return this.#isAtLimit && (this.isHeld || this.peer.wasBlocked || this.peer.outstandingBytes >= SURELY_TAKEN_BYTES);
  }

  /** A lower bound of what waits: without those that may have been refused. */
  #isAtLeast(messages: number, bytes: number): boolean {
    return this.outstanding - this.#refusable >= messages || this.#bytes - this.#refusableBytes >= bytes;
  }

  get #isAtLimit(): boolean {
    return this.outstanding >= this.maxMessages || this.#bytes >= this.maxBytes;
  }

  /** Whether the next message finds it full, for sure. */
  get isSurelyFull(): boolean {
    return this.isExact && this.#isAtLeast(this.maxMessages, this.maxBytes);
  }

  /** Whether more than half of the limit waits, for sure. */
  get isSurelyAboveHalf(): boolean {
    return this.isExact && this.#isAtLeast((this.maxMessages + 1) / 2, (this.maxBytes + 1) / 2);
  }

  /** The broker drops and holds back beyond what the limits say, or puts in messages of its own. */
  get isVague(): boolean {
    return this.#isOutOfOrder || this.peer.oracle.isShortOfMemory || this.peer.oracle.getsDead(this.pattern);
  }

  /** Whether all of what is outstanding waits in it: its client holds it, has not ended it, and has taken all that was written. */
  get isExact(): boolean {
    if (!this.isHeld || !this.peer.isIdle || !this.isLive || this.isVague) return false;
    // What is published while its client can take it may be on its way before the turn ends.
    if (this.#ableAt === this.peer.oracle.events) return false;
    // What may have been dropped and is not told yet makes it uncertain what waits.
    return this.policy === "block" || this.policy === "disconnect" || this.#mayDrop === this.#leftTotal;
  }

  publish(message: Message): void {
    const { isSurelyFull } = this;
    if (!this.isHeld) this.#ableAt = this.peer.oracle.events;
    // Full, it is first given the chance to empty, in the middle of a read: those whom it held up may go on then, whatever follows.
    if (!this.isHeld && this.#isAtLimit) this.heldUp.clear();
    if (this.couldBeFull) {
      this.wasFull = true;
      const isPlain = this.#bytes < this.maxBytes && !this.isVague;
      this.#mayDrop += isPlain ? 1 : Number.POSITIVE_INFINITY;
    } else if (this.policy === "latest" && this.#waitsOf(message.topic)) {
      this.#mayDrop++;
    }
    if (this.policy === "drop-newest" && isSurelyFull) {
      this.#left.add(message);
      this.#leftTotal++;
    } else {
      this.#bytes += message.bytes.length;
    }
    this.#expected.push(message);
    if (!message.isRefusable) return;
    this.#refusable++;
    this.#refusableBytes += message.bytes.length;
  }

  #waitsOf(topic: string): boolean {
    for (let i = this.#next; i < this.#expected.length; i++) if (this.#expected[i]!.topic === topic) return true;
    return false;
  }

  gapTold(lost: number): void {
    this.gap += lost;
    this.gapTotal += lost;
    if (this.isSystem) return;
    if (this.policy === "block" || this.policy === "disconnect") throw this.#violation(`a GAP of ${lost} came`);
    if (this.gapTotal > this.#mayDrop && !this.isVague) {
      throw this.#violation(`${this.gapTotal} were dropped, and it was full for ${this.#mayDrop} at the most`);
    }
  }

  delivered(frame: Read, buf: Buffer, isRetained: boolean): void {
    if (this.isOver) throw this.#violation(`${frame.uid} came after its end was confirmed`);
    if (this.isSystem) return;
    if (isRetained) return this.#retainedCame(frame, buf);
    if (this.retained.size > 0) throw this.#violation(`${frame.uid} came in front of retained values`);
    this.maybeRetained.clear();
    const at = this.#placeOf(frame.uid);
    const message = this.#expected[at];
    if (message === undefined) throw this.#violation(`${frame.uid} came, and is none that waits in this order`);
    this.#verbatim(message, frame, buf);
    if (message.isRefused) throw this.#violation(`${frame.uid} came, which was refused`);
    if (this.#left.has(message)) throw this.#violation(`${frame.uid} came, which found it full`);
    message.isTaken = true;
    const later = this.#takeLoose(at);
    this.#skip(at - later.length, frame.uid);
    this.#next = at - later.length + 1;
    if (later.length > 0) this.#expected.splice(this.#next, 0, ...later);
    this.#bytes -= message.bytes.length;
    this.#passed(message);
    this.gap = 0;
    if (this.outstanding * 2 <= this.maxMessages || this.peer.wasBlocked) this.heldUp.clear();
    if (this.#next > 256 && this.#next * 2 > this.#expected.length) {
      this.#expected = this.#expected.slice(this.#next);
      this.#next = 0;
    }
  }

  /** Where it waits. One that was sent twice waits twice: then it is the one that the GAP in front of it tells of, if any is. */
  #placeOf(uid: number): number {
    let first = this.#expected.length;
    let lost = 0;
    let unsure = 0;
    for (let at = this.#next; at < this.#expected.length; at++) {
      const message = this.#expected[at]!;
      if (message.uid === uid) {
        first = Math.min(first, at);
        if (this.gap >= lost && this.gap <= lost + unsure) return at;
      }
      if (message.isLoose) continue;
      if (!message.isRefusable || message.isTaken) lost++;
      else unsure++;
      if (lost > this.gap && first < at) break;
    }
    return first;
  }

  /** Takes out those in front of `at` that may come later, their place not being known. */
  #takeLoose(at: number): Message[] {
    const loose: Message[] = [];
    for (let i = this.#next; i < at; i++) if (this.#expected[i]!.isLoose) loose.push(this.#expected[i]!);
    if (loose.length === 0) return loose;
    const others = this.#expected.slice(this.#next, at).filter(({ isLoose }) => !isLoose);
    this.#expected.splice(this.#next, at - this.#next, ...others);
    if (this.policy !== "block" && this.policy !== "disconnect") this.#isOutOfOrder = true;
    return loose;
  }

  /** Those in front of `at` did not come. */
  #skip(at: number, uid: number): void {
    const { lost, unsure } = this.#missing(at);
    this.#skippedTotal += lost;
    this.#unsureTotal += unsure;
    switch (this.policy) {
      case "block":
      case "disconnect":
        if (lost > 0) throw this.#violation(`${uid} came, and ${lost} before it did not`);
        return;
      case "latest":
        if (this.gapTotal < this.#skippedTotal) {
          throw this.#violation(`${uid} came, and ${lost} before it are not told`);
        }
        return;
      default:
        if (this.gap >= lost && this.gap <= lost + unsure) return;
        if (this.isVague && this.gap >= lost) return;
        throw this.#violation(`${uid} came behind a GAP of ${this.gap}, and ${lost} before it are missing`);
    }
  }

  /** How many of those in front of `at` never came: for sure, or unless they were refused. */
  #missing(at: number): { lost: number; unsure: number } {
    let lost = 0;
    let unsure = 0;
    for (let i = this.#next; i < at; i++) {
      const message = this.#expected[i]!;
      if (!this.#left.delete(message)) this.#bytes -= message.bytes.length;
      this.#passed(message);
      if (!message.isRefusable || message.isTaken) lost++;
      else if (this.policy === "block") message.isRefused = true;
      else unsure++;
    }
    return { lost, unsure };
  }

  #passed({ isRefusable, bytes }: Message): void {
    if (!isRefusable) return;
    this.#refusable--;
    this.#refusableBytes -= bytes.length;
  }

  #retainedCame(frame: Read, buf: Buffer): void {
    const message = this.retained.get(frame.uid) ?? this.maybeRetained.get(frame.uid);
    if (message === undefined) throw this.#violation(`${frame.uid} came as a retained value, and is none`);
    this.#verbatim(message, frame, buf);
    if (!this.retained.delete(frame.uid)) this.maybeRetained.delete(frame.uid);
  }

  /** A dead letter: of those it is known only later that they are published. `most`: how often the queue may have taken it. */
  deadLetter(queue: string, uid: number, attempts: number, most: number): void {
    if (this.isOver) throw this.#violation(`dead letter ${uid} came after its end was confirmed`);
    const key = `${queue} ${uid} ${attempts}`;
    const times = (this.#dead.get(key) ?? 0) + 1;
    if (times > most) throw this.#violation(`dead letter ${key} came ${times} times, and ${most} may be`);
    this.#dead.set(key, times);
    this.#dead.set(`${queue} ${uid}`, times);
  }

  hasDead(queue: string, uid: number): boolean {
    return this.#dead.has(`${queue} ${uid}`);
  }

  #verbatim(message: Message, frame: Read, buf: Buffer): void {
    const isSame = buf.compare(message.bytes, 0, message.bytes.length, frame.start, frame.end) === 0;
    if (!isSame) throw this.#violation(`${frame.uid} came with other bytes than were sent`);
  }

  /** The run is over, and all has come that comes. */
  checkDrained(): void {
    if (this.isSystem || this.isOver || !this.isLive) return;
    if (this.retained.size > 0) throw this.#violation(`${this.retained.size} retained values never came`);
    const { lost, unsure } = this.#missing(this.#expected.length);
    const untold = this.policy === "latest" ? this.gapTotal - this.#skippedTotal : this.gap;
    if (untold >= lost && untold <= lost + unsure + this.#unsureTotal) return;
    if (this.isVague && lost <= untold) return;
    throw this.#violation(`${lost} never came, and GAPs tell of ${untold}`);
  }

  #violation(what: string): Violation {
    return new Violation(
      `client ${this.peer.id}, subscription ${this.sid} to ${this.pattern}, ${this.policy}: ${what}`,
    );
  }
}

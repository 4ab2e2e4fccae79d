// One connection as the oracle sees it: which frames the broker has read from it and written to it, and what follows from them.

import type { Connection } from "../connection.ts";
import { Violation } from "../trace.ts";
import type { CallView, ResponderView } from "./calls.ts";
import type { MemberView } from "./member.ts";
import type { Message } from "./message.ts";
import type { Oracle } from "./oracle.ts";
import type { PlainView } from "./plain.ts";

export type SubView = PlainView | MemberView | ResponderView;

/** An error that has to come. */
export interface Due {
  readonly ref: number | null;
  readonly codes: readonly string[];
  readonly topic: string | undefined;
  readonly position: number;
}

export interface SyncView {
  /** Where it stands in what was sent. */
  readonly position: number;
  readonly least: number;
  readonly most: number;
}

/** Topics in XOFF, beyond which a publisher is paused or refused. */
export const MOST_OFF = 1024;

export class PeerView {
  readonly oracle: Oracle;
  readonly connection: Connection;
  readonly id: number;
  state: "hello" | "open" | "leaving" | "closing" | "over" = "hello";
  wasGreeted = false;
  isOpenTold = false;
  readonly acceptedMs: number;
  /** Frames that the broker has read. */
  position = 0;
  readBytes = 0;
  /** What was read and is not a whole frame. */
  rest: Buffer = Buffer.alloc(0);
  /** Nothing that follows is to be acted upon. */
  isBad = false;
  readonly subs: Map<number, SubView> = new Map();
  /** Which subscription the deliveries that come are for. */
  context: SubView | undefined;
  contextSeq = 0;
  contextAttempt = 1;
  contextRetained = false;
  /** For which subscription the last frame of a stream of deliveries was a GAP, and in which write. */
  gapSid = 0;
  gapAt = -1;
  /** Topics in XOFF, and what the broker said of why. */
  readonly off: Map<string, string> = new Map();
  /** Topics on which a publish may have found something full; and those on which one surely did, and where. */
  readonly mayBeFull: Set<string> = new Set();
  readonly surelyFull: Map<string, number> = new Map();
  /** Topics of which a retained value may have had no room. */
  readonly mayLackRoom: Set<string> = new Set();
  /** Bytes that were published on topics in XOFF, since there was none. */
  offBytes = 0;
  pings = 0;
  pongs = 0;
  readonly due: Due[] = [];
  readonly syncs: Map<number, SyncView> = new Map();
  least = 0;
  most = 0;
  /** What is to be on disk when a later SYNC is answered with OK. */
  effects: { position: number; apply: () => void }[] = [];
  /** Subscriptions that may have been refused for their number: what counts beside them is not known. */
  readonly doubtful: Set<SubView> = new Set();
  readonly calls: Map<number, CallView> = new Map();
  /** Those of the calls that were cancelled. */
  readonly cancelled: Map<number, CallView> = new Map();
  readonly asked: Map<number, CallView> = new Map();
  /** Refusals by headroom that were told, and those that were found out, by topic. */
  readonly refusals: Map<string, number> = new Map();
  readonly refused: Pick<Message, "topic" | "isRefused">[] = [];
  lastSignMs: number;
  closingCode: string | undefined;
  /** It was told why: nothing comes behind that. */
  isClosingTold = false;
  isByeSent = false;

  constructor(oracle: Oracle, connection: Connection, nowMs: number) {
    this.oracle = oracle;
    this.connection = connection;
    this.id = connection.id;
    this.acceptedMs = this.lastSignMs = nowMs;
  }

  /** What came first was no HELLO: nothing of it is acted upon. */
  mustHaveSaidHello(): void {
    this.isBad = true;
    this.connection.badCodes = ["bad_hello"];
  }

  get isGone(): boolean {
    return this.state === "closing" || this.state === "over";
  }

  get isLeaving(): boolean {
    return this.state === "leaving" || this.isGone;
  }

  /** Nothing waits to be written to it. */
  get isIdle(): boolean {
    return !this.wasBlocked && !this.oracle.isTurnOpen;
  }

  /** Something was not taken at once, in this event or still. */
  get wasBlocked(): boolean {
    return this.connection.isBlocked || this.connection.blockedAtEvent >= this.oracle.events;
  }

  /** Of all plain subscriptions, what has not come. */
  get outstandingBytes(): number {
    let bytes = 0;
    for (const sub of this.subs.values()) if (sub.kind === "plain") bytes += sub.outstandingBytes;
    return bytes;
  }

  /** Of all that it receives, what may be on its way to it. */
  get comingBytes(): number {
    let bytes = this.outstandingBytes;
    for (const sub of this.subs.values()) if (sub.kind === "member" && !sub.isOver) bytes += sub.queue.unheldBytes;
    return bytes;
  }

  /** Whether nothing is unsettled, unanswered or waiting for it, for sure. */
  get hasNothingLeft(): boolean {
    if (!this.isIdle || this.syncs.size > 0 || this.connection.isClientClosed) return false;
    for (const call of this.calls.values()) if (!call.isOver) return false;
    for (const call of this.asked.values()) if (!call.isAnswered && !call.isOver) return false;
    for (const sub of this.subs.values()) {
      if (sub.kind === "member" && sub.held.length > 0) return false;
      if (sub.kind === "plain" && (sub.isSystem || sub.outstanding > 0)) return false;
    }
    return true;
  }

  /** Whether it would have to empty itself what holds it up, as the broker told it, or as it must be. */
  get holdsItselfUp(): boolean {
    for (const sub of this.subs.values()) {
      if (sub.kind === "plain" && sub.heldUp.hasPeer(this.id) && sub.isSurelyAboveHalf) return true;
      if (sub.kind !== "member" || !sub.isLive) continue;
      if (sub.queue.heldUp.hasPeer(this.id) && sub.queue.isSurelyAboveHalf) return true;
    }
    for (const why of new Set(this.off.values())) {
      const [kind, who] = why.split(" ");
      const isOwn = kind === "client" && Number(who) === this.connection.number;
      for (const sub of this.subs.values()) {
        if (isOwn && sub.kind === "plain" && sub.policy === "block" && sub.isSurelyAboveHalf) return true;
        const isServed = sub.kind === "member" && sub.queue.name === who && sub.isLive;
        if (kind === "queue" && isServed && sub.queue.isSurelyAboveHalf) return true;
      }
    }
    return false;
  }

  /** Whether a publish on `topic` may be refused: beyond its headroom, where what is full is its own to empty. */
  mayBeRefused(topic: string): boolean {
    const { size } = this.mayBeFull;
    if (size === 0 || !this.servesItself) return false;
    // It has the topic in XOFF, or has too many there, or the broker has little memory left.
    return this.mayBeFull.has(topic) || size >= MOST_OFF || this.oracle.isShortOfMemory;
  }

  /** Whether one that may be full is emptied by its own client. */
  get servesItself(): boolean {
    for (const sub of this.subs.values()) if (sub.kind !== "responder") return true;
    return false;
  }
}

export function violation(peer: PeerView, what: string): Violation {
  return new Violation(`client ${peer.id}: ${what}`);
}

/** An error that is due, in words. */
export function describe({ ref, codes, topic }: Due): string {
  return `${String(ref)} ${codes.join(" or ")}${topic === undefined ? "" : ` ${topic}`}`;
}

// Requests, as protocol.md has them: one responder gets each, its replies come back in order and as they were, and every other end
// has its reason.

import { copyOf } from "../bytes.ts";
import { Violation } from "../trace.ts";
import type { Read } from "../wire.ts";
import type { PeerView } from "./peer.ts";
import { matches } from "./topics.ts";

export class ResponderView {
  readonly kind = "responder";
  readonly peer: PeerView;
  readonly sid: number;
  readonly pattern: string;
  readonly subPosition: number;
  unsubPosition: number = Number.POSITIVE_INFINITY;
  isHeld = false;
  heldSinceMs = 0;
  isOver = false;
  unanswered = 0;

  constructor(peer: PeerView, sid: number, pattern: string, subPosition: number) {
    this.peer = peer;
    this.sid = sid;
    this.pattern = pattern;
    this.subPosition = subPosition;
  }

  get isLive(): boolean {
    return this.unsubPosition === Number.POSITIVE_INFINITY && !this.isOver && !this.peer.isGone;
  }
}

export class CallView {
  readonly caller: PeerView;
  readonly id: number;
  readonly topic: string;
  readonly uid: number;
  /** The frame from its payload on. */
  readonly rest: Buffer;
  readonly timeoutMs: number;
  readonly isSystem: boolean;
  /** Who could be asked when it came, and which of them has the fewest unanswered, where that is certain. */
  readonly eligible: ReadonlySet<ResponderView>;
  fewest: ReadonlySet<ResponderView> | undefined;
  sinceMs: number;
  responder: ResponderView | undefined;
  askedId = 0;
  /** Replies that the broker has read and the caller not got: each from its status on. */
  readonly replies: Buffer[] = [];
  /** Its responder is done with it. */
  isAnswered = false;
  hasFinalReply = false;
  /** A reply came when it may have been over. */
  isLate = false;
  isCancelled = false;
  cancelPosition: number = Number.POSITIVE_INFINITY;
  /** Nothing more is to come of it to the caller. */
  isOver = false;
  /** It was over as its caller's connection was closed: what its responder had sent by then, or why nobody answers, may be on its way. */
  isCut = false;
  /** The responder is told that nobody waits any more. */
  wasCancelSent = false;
  mayBeGone = false;

  constructor(
    caller: PeerView,
    frame: Read,
    buf: Buffer,
    timeoutMs: number,
    eligible: ReadonlySet<ResponderView>,
    nowMs: number,
  ) {
    this.caller = caller;
    this.id = frame.elements[1] as number;
    this.topic = frame.elements[2] as string;
    this.uid = frame.uid;
    this.rest = copyOf(buf, frame.atFourth, frame.end);
    this.timeoutMs = timeoutMs;
    this.isSystem = this.topic.startsWith("$");
    this.eligible = eligible;
    this.sinceMs = nowMs;
  }

  violation(what: string): Violation {
    return new Violation(`request ${this.id} of client ${this.caller.id} to ${this.topic}: ${what}`);
  }
}

export class Calls {
  readonly responders: Set<ResponderView> = new Set();
  /** Under way, and not seen at a responder yet. */
  readonly unassigned: Set<CallView> = new Set();

  eligible(topic: string): { all: ResponderView[]; able: Set<ResponderView> } {
    const all = [...this.responders].filter((it) => it.isLive && matches(it.pattern, topic));
    return {
      all,
      able: new Set(all.filter((it) => !it.isHeld && !it.peer.isLeaving)),
    };
  }

  /** A REQ that is to be answered by somebody. */
  came(call: CallView): void {
    if (!this.#isRivalled(call) && [...call.eligible].every((it) => it.peer.isIdle)) {
      const least = Math.min(...[...call.eligible].map((it) => it.unanswered));
      call.fewest = new Set([...call.eligible].filter((it) => it.unanswered === least));
    }
    this.unassigned.add(call);
  }

  /** Whether another one that is under way may be given to a responder of this one. */
  #isRivalled(call: CallView): boolean {
    for (const other of this.unassigned) {
      if (!other.isAnswered && [...other.eligible].some((it) => call.eligible.has(it))) return true;
    }
    return false;
  }

  /** A REQ was written to a responder. */
  asked(responder: ResponderView, frame: Read, buf: Buffer): void {
    const topic = frame.elements[2] as string;
    let call: CallView | undefined;
    for (const it of this.unassigned) {
      if (it.uid !== frame.uid || it.topic !== topic || !it.eligible.has(responder)) continue;
      call = it;
      break;
    }
    if (call === undefined) {
      throw new Violation(`client ${responder.peer.id} was asked ${frame.uid} on ${topic}, which nobody asks of it`);
    }
    this.unassigned.delete(call);
    if (buf.compare(call.rest, 0, call.rest.length, frame.atFourth, frame.end) !== 0) {
      throw call.violation("it reached the responder with other bytes than were sent");
    }
    if (call.fewest !== undefined && !call.fewest.has(responder)) {
      throw call.violation(`client ${responder.peer.id} was asked, and others have fewer unanswered`);
    }
    const id = frame.elements[1] as number;
    if (responder.peer.asked.has(id)) throw call.violation(`its number at the responder, ${id}, is taken`);
    call.responder = responder;
    call.askedId = id;
    responder.peer.asked.set(id, call);
    if (!call.isAnswered && !call.isOver) responder.unanswered++;
  }

  /** It is answered, or nobody waits for an answer any more: the responder is free of it. */
  free(call: CallView): void {
    if (call.isAnswered) return;
    call.isAnswered = true;
    if (call.responder !== undefined) call.responder.unanswered--;
  }

  /** Requests whose responder went before they were written to it are not to be seen any more. */
  forget(): void {
    for (const call of this.unassigned) {
      if (call.isAnswered && [...call.eligible].every((it) => it.peer.isGone)) this.unassigned.delete(call);
    }
  }
}

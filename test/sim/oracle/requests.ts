// What becomes of requests on their connections: who asks, who is asked, what is answered, and every other end.

import { copyOf } from "../bytes.ts";
import type { Read } from "../wire.ts";
import { CallView, type Calls } from "./calls.ts";
import type { Oracle } from "./oracle.ts";
import { type PeerView, violation } from "./peer.ts";
import { isTopic } from "./topics.ts";

export class Requests {
  readonly #oracle: Oracle;
  readonly #calls: Calls;

  constructor(oracle: Oracle, calls: Calls) {
    this.#oracle = oracle;
    this.#calls = calls;
  }

  /** A REQ of `peer`. */
  request(peer: PeerView, frame: Read, buf: Buffer): void {
    const id = frame.elements[1] as number;
    const topic = frame.elements[2] as string;
    if (this.#oracle.world.isClosing() || peer.isLeaving) return this.#oracle.due(peer, id, ["closing"]);
    if (!isTopic(topic)) return this.#oracle.due(peer, id, ["bad_topic"]);
    const timeoutMs = typeof frame.elements[5] === "number" ? frame.elements[5] : 0;
    const { all, able } = this.#calls.eligible(topic);
    const isSystem = topic.startsWith("$");
    if (!isSystem && all.length === 0) return this.#oracle.due(peer, id, ["no_responders"]);
    const mayBeBusy = [...able].every((it) => !it.peer.isIdle || it.unanswered + this.#calls.unassigned.size >= 1024);
    if (!isSystem && able.size === 0) return this.#oracle.due(peer, id, ["unavailable"]);
    const call = new CallView(peer, frame, buf, timeoutMs, able, this.#oracle.nowMs);
    peer.calls.set(id, call);
    if (isSystem) return this.#oracle.administer(frame);
    call.mayBeGone = mayBeBusy;
    this.#calls.came(call);
  }

  /** A REPLY of a responder. */
  reply(peer: PeerView, frame: Read, buf: Buffer): void {
    const call = peer.asked.get(frame.elements[1] as number);
    if (call === undefined || call.isAnswered || call.isOver) return;
    call.replies.push(copyOf(buf, frame.atThird, frame.end));
    // It may have been too late, of which its caller is told when it reads.
    if (call.timeoutMs > 0 && this.#oracle.nowMs - call.sinceMs >= call.timeoutMs) call.isLate = true;
    if (frame.elements[2] === 1) {
      call.sinceMs = this.#oracle.nowMs;
      return;
    }
    call.hasFinalReply = true;
    this.#calls.free(call);
  }

  cancel(peer: PeerView, id: number): void {
    const call = peer.calls.get(id);
    if (call === undefined || call.isOver) return;
    this.#oracle.faults.hit("cancel");
    call.isCancelled = true;
    call.cancelPosition = peer.position;
    peer.cancelled.set(id, call);
    this.#calls.free(call);
  }

  /** An ERR answers a request. False where no request has that number. */
  failed(peer: PeerView, id: number, code: string): boolean {
    const call = peer.calls.get(id);
    if (call === undefined || (call.isOver && !call.isCut)) return false;
    const isReason = (): boolean => {
      switch (code) {
        case "timeout":
          return call.isLate || (this.#isTimedOut(call) && !call.hasFinalReply);
        case "responder_gone":
          return call.responder !== undefined
            ? call.responder.peer.isGone
            : [...call.eligible].some((it) => it.peer.isGone);
        case "unavailable":
          return call.isSystem || call.mayBeGone || [...call.eligible].some((it) => !it.peer.isIdle);
        case "no_responders":
          return call.isSystem;
        case "limit":
          return call.replies.length > 0;
        default:
          return false;
      }
    };
    if (!isReason()) throw call.violation(`ERR ${code} came, which nothing explains`);
    if (call.replies.length > 0 && code !== "limit" && !call.isLate) {
      throw call.violation(`ERR ${code} came, and ${call.replies.length} replies in front of it did not`);
    }
    call.isOver = true;
    this.#calls.free(call);
    // Nobody was asked: one with the same payload that its client sends again is not this one.
    if (code === "unavailable") this.#calls.unassigned.delete(call);
    peer.calls.delete(id);
    return true;
  }

  #isTimedOut({ timeoutMs, sinceMs }: CallView): boolean {
    return timeoutMs > 0 && this.#oracle.nowMs - sinceMs >= timeoutMs;
  }

  /** A REPLY goes to a caller. */
  answered(peer: PeerView, frame: Read, buf: Buffer): void {
    const id = frame.elements[1] as number;
    const call = peer.calls.get(id);
    if (call === undefined || (call.isOver && !call.isCut))
      throw violation(peer, `a REPLY to ${id} came, which it does not wait for`);
    if (call.isSystem) {
      call.isOver = true;
      peer.calls.delete(id);
      return;
    }
    const due = call.replies.shift();
    if (due === undefined) throw call.violation("a REPLY came that its responder did not send");
    if (buf.compare(due, 0, due.length, frame.atThird, frame.end) !== 0) {
      throw call.violation("a REPLY came with other bytes than its responder sent, or out of order");
    }
    if (frame.elements[2] === 1) return;
    call.isOver = true;
    if (!call.isCancelled) peer.calls.delete(id);
  }

  /** A CANCEL goes to a responder. */
  cancelSent(peer: PeerView, askedId: number): void {
    const call = peer.asked.get(askedId);
    if (call === undefined) throw violation(peer, `CANCEL ${askedId} came, which it was not asked`);
    if (call.wasCancelSent) throw violation(peer, `CANCEL ${askedId} came twice`);
    call.wasCancelSent = true;
    const isReason =
      call.isCancelled ||
      call.isLate ||
      this.#isTimedOut(call) ||
      call.caller.isGone ||
      call.isOver ||
      call.replies.length > 0;
    if (!isReason) throw call.violation("the responder was told CANCEL, and its caller waits");
    this.#calls.free(call);
  }
}

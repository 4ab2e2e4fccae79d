// Requests that wait for an answer: who asked, who was asked, until when. A request goes to one responder, the one with the
// fewest unanswered; every way it can end is a method here.

import { readInt } from "../../shared/codec/read.ts";
import type { Frame } from "../../shared/codec/scan.ts";
import { FrameWriter } from "../../shared/codec/write.ts";
import type { Deadlines, Timed } from "../../shared/deadlines.ts";
import type { WireCode } from "../../shared/errors.ts";
import { DEFAULT_MAX_BYTES, Op, ReplyStatus } from "../../shared/protocol.ts";
import { quote } from "../../shared/quote.ts";
import type { PooledChunk } from "./chunks.ts";
import { needInt } from "./elements.ts";
import type { Alarm, Core } from "./core.ts";
import type { Peer } from "./peer.ts";
import type { Responder } from "./responder.ts";
import type { Route } from "./routes.ts";

/** What a caller may leave unread of streamed replies before the request is ended: as much as a subscription may have waiting. */
const MAX_UNREAD_REPLY_BYTES = DEFAULT_MAX_BYTES;

const writer: FrameWriter = new FrameWriter(64);

/** One request under way. */
export class Call implements Timed, Alarm {
  readonly kind = "call";
  readonly caller: Peer;
  readonly id: number;
  readonly responder: Responder;
  /** The number under which the responder has it. */
  readonly askedId: number;
  /** Time for a first, or a next, reply; 0: none. */
  readonly timeoutMs: number;
  heapIndex = -1;
  dueMs = 0;
  dueOrder = 0;
  readonly #requests: Requests;

  constructor(requests: Requests, caller: Peer, id: number, responder: Responder, askedId: number, timeoutMs: number) {
    this.#requests = requests;
    this.caller = caller;
    this.id = id;
    this.responder = responder;
    this.askedId = askedId;
    this.timeoutMs = timeoutMs;
  }

  due(): void {
    this.#requests.timedOut(this);
  }
}

export class Requests {
  readonly #core: Core;
  readonly #deadlines: Deadlines<Alarm & Timed>;
  #turn = 0;
  /** Requests under way. */
  pending = 0;

  constructor(core: Core, deadlines: Deadlines<Alarm & Timed>) {
    this.#core = core;
    this.#deadlines = deadlines;
  }

  /** Passes a REQ on to one of the responders of its route, or answers at once why not. */
  ask(
    caller: Peer,
    id: number,
    { topic, responders }: Route,
    frame: Frame,
    chunk: PooledChunk,
    timeoutMs: number,
  ): void {
    if (responders.length === 0) {
      const message = `nobody responds to ${quote(topic)}; wait until somebody does, or check its name`;
      caller.error(id, "no_responders", message);
      return;
    }
    const responder = this.#choose(responders);
    if (responder === undefined) {
      caller.error(id, "unavailable", `every responder to ${quote(topic)} is busy; try again`);
      return;
    }
    const { peer } = responder;
    const call = new Call(this, caller, id, responder, peer.nextAskedId(), timeoutMs);
    caller.ids.set(id, call);
    peer.asked.set(call.askedId, call);
    responder.unanswered++;
    responder.lastTurn = ++this.#turn;
    this.pending++;
    caller.requests++;
    if (timeoutMs > 0) this.#deadlines.set(call, this.#core.nowMs() + timeoutMs);
    peer.link.context(responder.sid, 0, 1);
    writer.reset().frame(frame.count, Op.REQ).int(call.askedId);
    peer.link.rewritten(writer, chunk, frame.at[2]!, frame.end, false);
    this.#core.dirty(peer);
  }

  /** A REPLY of `peer`, which may be to nothing that it was asked. */
  reply(peer: Peer, frame: Frame, chunk: PooledChunk): void {
    const status = needInt(chunk.buf, frame, 2, "status", ReplyStatus.LAST, ReplyStatus.ERROR);
    const call = peer.asked.get(readInt(chunk.buf, frame.at[1]!));
    if (call === undefined) return;
    const { caller } = call;
    writer.reset().frame(frame.count, Op.REPLY).int(call.id);
    caller.link.rewritten(writer, chunk, frame.at[2]!, frame.end, true);
    this.#core.dirty(caller);
    caller.checkUnread();
    if (status !== ReplyStatus.MORE) {
      this.#end(call);
    } else if (caller.link.answerBytes > MAX_UNREAD_REPLY_BYTES) {
      this.#cancel(call);
      this.#fail(call, "limit", "too much of the reply was left unread; read it as it comes");
    } else if (call.timeoutMs > 0) {
      this.#deadlines.set(call, this.#core.nowMs() + call.timeoutMs);
    }
  }

  /** The caller wants no answer any more. */
  cancelled(call: Call): void {
    this.#cancel(call);
    this.#end(call);
  }

  timedOut(call: Call): void {
    this.#cancel(call);
    this.#fail(call, "timeout", `no reply came within ${call.timeoutMs} ms`);
  }

  /** The connection of `peer` has ended: nobody answers what it was asked, and nobody waits for what it asked. */
  forget(peer: Peer): void {
    for (const call of peer.asked.values()) {
      this.#fail(
        call,
        "responder_gone",
        "the responder's connection ended before it answered; ask again if that is safe",
      );
    }
    for (const live of peer.ids.values()) if (live.kind === "call") this.cancelled(live);
  }

  #choose(responders: readonly Responder[]): Responder | undefined {
    let best: Responder | undefined;
    for (const responder of responders) {
      if (!responder.available) continue;
      if (best === undefined || responder.unanswered < best.unanswered) best = responder;
      else if (responder.unanswered === best.unanswered && responder.lastTurn < best.lastTurn) best = responder;
    }
    return best;
  }

  #cancel(call: Call): void {
    const { peer } = call.responder;
    if (peer.closed) return;
    peer.answer(writer.reset().frame(2, Op.CANCEL).int(call.askedId));
  }

  #fail(call: Call, code: WireCode, message: string): void {
    this.#end(call);
    call.caller.error(call.id, code, message);
  }

  #end(call: Call): void {
    this.#deadlines.delete(call);
    if (call.caller.ids.get(call.id) === call) call.caller.ids.delete(call.id);
    call.responder.peer.asked.delete(call.askedId);
    call.responder.unanswered--;
    this.pending--;
    call.caller.requests--;
    call.responder.peer.checkDone();
  }
}

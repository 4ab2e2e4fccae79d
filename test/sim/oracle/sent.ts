// What the broker writes to its clients, frame by frame: each follows from what it has read, and nothing that has to come is missing.

import { mapOf, Op, type Read, type Value } from "../wire.ts";
import type { MemberView } from "./member.ts";
import type { Oracle } from "./oracle.ts";
import { describe, MOST_OFF, type PeerView, type SubView, violation } from "./peer.ts";
import { QueueView } from "./queue.ts";
import { show } from "./show.ts";
import { matches } from "./topics.ts";

export class Sent {
  readonly #oracle: Oracle;
  /** Topics that were released in this event. */
  readonly #releasedInEvent: { peer: PeerView; topic: string }[] = [];

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  /** A frame was taken from the broker, for `peer`. */
  sent(peer: PeerView, frame: Read, buf: Buffer): void {
    const { connection } = peer;
    this.#oracle.world.say(() => `${connection.id} ◄── ${show(frame)}`);
    if (peer.state === "over") return this.#sentLast(peer, frame);
    if (peer.isByeSent && frame.op === Op.HELLO) throw violation(peer, "a HELLO came behind BYE");
    this.#sent(peer, frame, buf);
  }

  /** What goes out while a connection whose stream has ended is closed: it counts, for those who acknowledge as an attempt. */
  #sentLast(peer: PeerView, frame: Read): void {
    if (frame.op === Op.FOR) peer.context = peer.subs.get(frame.elements[1] as number);
    else if ((frame.op === Op.PUB || frame.op === Op.RETAIN) && peer.context?.kind === "member") {
      peer.context.queue.deliveredLast(frame.uid);
    }
  }

  #sent(peer: PeerView, frame: Read, buf: Buffer): void {
    const { elements } = frame;
    if (peer.isClosingTold) throw violation(peer, `op ${frame.op} came behind the error that closes it`);
    if (frame.op !== Op.GAP) peer.gapSid = 0;
    if (connectionBlocked(peer)) peer.lastSignMs = this.#oracle.nowMs;
    if (!peer.wasGreeted) {
      peer.wasGreeted = true;
      if (frame.op !== Op.HELLO && frame.op !== Op.ERR) throw violation(peer, `the first frame was op ${frame.op}`);
      if (frame.op === Op.HELLO) return;
    } else if (!peer.isOpenTold && frame.op !== Op.ERR) {
      if (frame.op !== Op.OK || elements[1] !== 0) throw violation(peer, `op ${frame.op} came, not OK 0`);
      if (peer.state === "hello") throw violation(peer, "OK 0 came, and no HELLO was read");
      peer.isOpenTold = true;
      return;
    }
    switch (frame.op) {
      case Op.OK:
        return this.#synced(peer, elements[1] as number, elements[2] as number);
      case Op.ERR:
        return this.#refused(peer, elements);
      case Op.FOR:
        return this.#context(peer, elements);
      case Op.PUB:
      case Op.RETAIN:
        return this.#delivered(peer, frame, buf);
      case Op.REQ:
        if (peer.context?.kind !== "responder") throw violation(peer, "a REQ came that is for no responder");
        return this.#oracle.calls.asked(peer.context, frame, buf);
      case Op.REPLY:
        return this.#oracle.requests.answered(peer, frame, buf);
      case Op.CANCEL:
        return this.#oracle.requests.cancelSent(peer, elements[1] as number);
      case Op.XOFF:
        return this.#xoff(peer, elements[1] as string, String(elements[2]));
      case Op.XON:
        return this.#xon(peer, elements[1] as string);
      case Op.GAP:
        return this.#gap(peer, elements);
      case Op.PING:
        return;
      case Op.PONG:
        if (++peer.pongs > peer.pings) throw violation(peer, "a PONG came without a PING");
        return;
      case Op.BYE:
        peer.isByeSent = true;
        if (!this.#oracle.world.isClosing()) throw violation(peer, "BYE came, and the broker is not ending");
        return;
      default:
        throw violation(peer, `op ${frame.op} came, which is not the broker's to send`);
    }
  }

  #context(peer: PeerView, [, sid, seq, attempt, flags]: readonly Value[]): void {
    const sub = peer.subs.get(sid as number);
    if (sub === undefined) throw violation(peer, `a FOR of subscription ${sid} came, which it never made`);
    peer.context = sub;
    peer.contextSeq = typeof seq === "number" ? seq : 0;
    peer.contextAttempt = typeof attempt === "number" ? attempt : 1;
    peer.contextRetained = typeof flags === "number" && (flags & 1) === 1;
  }

  #delivered(peer: PeerView, frame: Read, buf: Buffer): void {
    const sub = peer.context;
    if (sub === undefined) throw violation(peer, "a message came without a FOR");
    if (sub.kind === "responder") throw violation(peer, "a message came for a responder");
    if (peer.doubtful.has(sub)) this.#oracle.accepts(peer, sub);
    const topic = frame.elements[1] as string;
    const { pattern } = sub.kind === "member" ? sub.queue : sub;
    if (!matches(pattern, topic)) {
      throw violation(peer, `subscription ${sub.sid} to ${pattern} got a message on ${topic}`);
    }
    const headers = frame.elements.length > 3 ? mapOf(frame.elements[3]) : undefined;
    if (frame.uid >= 0) {
      const key = headers?.["key"] as string | undefined;
      const lane = sub.kind === "member" ? sub.queue.keyOf({ topic, key }) : undefined;
      peer.connection.onDelivered?.(pattern, frame.uid, lane);
    }
    const isDead = typeof headers?.["deadQueue"] === "string";
    if (sub.kind === "plain") {
      if (isDead) this.#oracle.deaths.came(sub, headers!, frame.uid);
      else sub.delivered(frame, buf, peer.contextRetained);
      return;
    }
    const { queue } = sub;
    const seq = peer.contextSeq === 0 ? 0 : peer.contextSeq++;
    if (isDead) return this.#deadInQueue(sub, seq);
    if (sub.isGone) {
      return queue.deliveredLast(frame.uid);
    }
    this.#oracle.touch(queue);
    queue.delivered(sub, frame, buf, seq, peer.contextAttempt, this.#oracle.nowMs);
  }

  #gap(peer: PeerView, [, sid, lost]: readonly Value[]): void {
    const sub = peer.subs.get(sid as number);
    if (sub === undefined || sub.kind === "responder")
      throw violation(peer, `a GAP of ${sid} came, which it never made`);
    if (typeof lost !== "number" || lost < 1) throw violation(peer, `a GAP of ${lost} came`);
    if (peer.gapSid === sid && peer.gapAt === peer.connection.writes)
      throw violation(peer, `two GAPs of ${sid} came at one point`);
    peer.gapSid = sid as number;
    peer.gapAt = peer.connection.writes;
    if (sub.isOver) throw violation(peer, `a GAP of ${sid} came after its end was confirmed`);
    const { pattern } = sub.kind === "plain" ? sub : sub.queue;
    peer.connection.onDelivered?.(pattern, `a GAP of ${lost}`);
    if (sub.kind === "plain") sub.gapTold(lost);
    else sub.queue.gapTold(lost);
  }

  #xoff(peer: PeerView, topic: string, why: string): void {
    if (peer.off.has(topic)) throw violation(peer, `XOFF ${topic} came twice`);
    if (!peer.mayBeFull.has(topic)) throw violation(peer, `XOFF ${topic} came, and nothing that it leads to is full`);
    peer.off.set(topic, why);
    peer.surelyFull.delete(topic);
  }

  #xon(peer: PeerView, topic: string): void {
    if (!peer.off.delete(topic)) throw violation(peer, `XON ${topic} came, without XOFF`);
    if (peer.off.size === 0) peer.offBytes = 0;
    if (!peer.wasBlocked && !this.#oracle.hasRead) this.#releasedInEvent.push({ peer, topic });
  }

  /** Nothing that a topic leads to may be more than half full where it was released. */
  checkReleased(): void {
    if (this.#releasedInEvent.length === 0) return;
    for (const { peer, topic } of this.#releasedInEvent.splice(0)) {
      const { plain, queues } = this.#oracle.match(topic);
      const full = [...plain.filter(({ policy }) => policy === "block"), ...queues].find((it) =>
        it instanceof QueueView ? it.options.overflow === "block" && it.wasSurelyAboveHalf : it.isSurelyAboveHalf,
      );
      // One that was never at its limit since holds nobody up.
      if (full !== undefined && !peer.off.has(topic) && full.heldUp.has(`${peer.id} ${topic}`)) {
        throw violation(peer, `XON ${topic} came, and more than half waits still in ${full.pattern}`);
      }
    }
  }

  #synced(peer: PeerView, id: number, count: number): void {
    const sync = peer.syncs.get(id);
    if (sync === undefined) throw violation(peer, `OK ${id} came, which answers nothing`);
    peer.syncs.delete(id);
    if (count < sync.least || count > sync.most) {
      const due = sync.least === sync.most ? `${sync.least}` : `${sync.least} to ${sync.most}`;
      throw violation(peer, `OK ${id} tells of ${count} deliveries, and there were ${due}`);
    }
    const late = peer.due.find(({ position }) => position < sync.position);
    if (late !== undefined) throw violation(peer, `OK ${id} came before ERR ${describe(late)}`);
    for (const [topic, position] of peer.surelyFull) {
      if (position < sync.position) throw violation(peer, `OK ${id} came before XOFF ${topic}`);
    }
    this.#overUpTo(peer, sync.position);
    let done = 0;
    for (const { position, apply } of peer.effects) {
      if (position > sync.position) break;
      apply();
      done++;
    }
    if (done > 0) peer.effects.splice(0, done);
  }

  /** Subscriptions whose UNSUB a SYNC confirms are over, and retained values of those whose SUB it confirms have come. */
  #overUpTo(peer: PeerView, position: number): void {
    for (const sub of peer.doubtful) if (sub.subPosition < position) this.#oracle.accepts(peer, sub);
    for (const sub of peer.subs.values()) {
      if (sub.unsubPosition < position) {
        sub.isOver = true;
        if (sub.kind === "plain") this.#oracle.plain.delete(sub);
        if (sub.kind === "responder") this.#oracle.calls.responders.delete(sub);
      } else if (sub.kind === "plain" && sub.subPosition < position && sub.isLive && sub.retained.size > 0) {
        throw violation(
          peer,
          `the SUB of ${sub.sid} is confirmed, and ${sub.retained.size} retained values did not come`,
        );
      }
    }
    for (const [id, call] of peer.cancelled) {
      if (call.cancelPosition >= position) continue;
      peer.cancelled.delete(id);
      if (peer.calls.get(id) === call) peer.calls.delete(id);
    }
  }

  #refused(peer: PeerView, [, ref, code, message, topic]: readonly Value[]): void {
    const said = `ERR ${String(ref)} ${String(code)} ${String(topic ?? "")}: ${String(message)}`;
    const due = peer.due.findIndex(
      (it) => it.ref === ref && it.codes.includes(code as string) && (it.topic === undefined || it.topic === topic),
    );
    // One with too many topics in XOFF is not told of one more: what it sends there is refused.
    const isOfTopic = ref === null && code === "limit" && typeof topic === "string";
    if (isOfTopic && peer.off.size + peer.surelyFull.size > MOST_OFF) peer.surelyFull.delete(topic);
    if (due >= 0) {
      peer.due.splice(due, 1);
      // A RETAIN may be refused for its queue's sake, or kept from being retained: one word for both.
      if (isOfTopic) peer.refusals.set(topic, (peer.refusals.get(topic) ?? 0) + 1);
      return;
    }
    if (ref === null && topic === undefined) {
      // Of those that never opened not each is logged: then this is the first that one hears of it.
      if (peer.closingCode === undefined && peer.state === "hello") this.#oracle.closes(peer, code as string);
      if (peer.closingCode !== code) throw violation(peer, `${said}, and the broker does not close it for that`);
      peer.isClosingTold = true;
      return;
    }
    if (isOfTopic) {
      const isLeft = peer.refused.some((it) => it.topic === topic);
      if (!isLeft && !peer.mayLackRoom.has(topic)) throw violation(peer, `${said}, which nothing explains`);
      peer.refusals.set(topic, (peer.refusals.get(topic) ?? 0) + 1);
      return;
    }
    if (typeof ref === "number" && this.#oracle.requests.failed(peer, ref, code as string)) return;
    const isOfDisk =
      (code === "unavailable" && this.#oracle.world.hasDisk) || (code === "closing" && !this.#oracle.holdsDisk);
    if (typeof ref === "number" && isOfDisk && peer.syncs.has(ref)) {
      peer.syncs.delete(ref);
      return;
    }
    const sub = typeof ref === "number" ? peer.subs.get(ref) : undefined;
    if (code === "closing" && sub?.kind === "member" && sub.queue.options.durable && !this.#oracle.holdsDisk) return;
    if (code === "unavailable" && sub?.kind === "member" && sub.queue.isEnded) return;
    const mayBeRefused = sub !== undefined && (code === "limit" || code === "bad_option") && peer.doubtful.has(sub);
    if (mayBeRefused) return this.#withdraw(peer, sub, code);
    throw violation(peer, `${said}, which nothing explains`);
  }

  /** It was refused, which could not be known. */
  #withdraw(peer: PeerView, sub: SubView, code: string): void {
    peer.doubtful.delete(sub);
    sub.isOver = true;
    if (sub.kind === "plain") this.#oracle.plain.delete(sub);
    else if (sub.kind === "responder") this.#oracle.calls.responders.delete(sub);
    else this.#oracle.refuses(sub, code);
    this.#oracle.changed();
  }

  /** A dead letter in a queue: it is the broker's own message, and its place is not known. */
  #deadInQueue(member: MemberView, seq: number): void {
    if (seq !== 0) member.nextSeq = seq + 1;
  }
}

function connectionBlocked({ connection }: PeerView): boolean {
  return connection.isBlocked;
}

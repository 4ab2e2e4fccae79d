// What a broker may, must and must not do, from protocol.md alone: sees each frame at the moment at which the broker reads it, and each
// frame that the kernel takes from it, and throws where the second does not follow from the first. Plain and slow on purpose; it
// shares no code with the broker.

import { copyOf } from "../bytes.ts";
import type { Connection, Watcher } from "../connection.ts";
import type { FaultCounts } from "../faults.ts";
import { Violation } from "../trace.ts";
import { decode, mapOf, Op, type Read, type Value } from "../wire.ts";
import { Calls, ResponderView } from "./calls.ts";
import { checkClosing } from "./closing.ts";
import { Deaths } from "./deaths.ts";
import { MemberView } from "./member.ts";
import { type Message, readMessage } from "./message.ts";
import { describe, PeerView, type SubView, violation } from "./peer.ts";
import { PlainView } from "./plain.ts";
import { type Entry, type Next, type QueueRules, QueueView } from "./queue.ts";
import { optionProblem, readOptions, type SubOptions } from "./sub-options.ts";
import { Requests } from "./requests.ts";
import { RetainedValues } from "./retained.ts";
import { Sent } from "./sent.ts";
import { show } from "./show.ts";
import { isPattern, isTopic, matches } from "./topics.ts";
import type { OracleWorld } from "./world.ts";

interface SurvivedQueue {
  readonly queue: QueueView;
  readonly entries: readonly Entry[];
  readonly isOrderly: boolean;
}

export interface Survived {
  readonly queues: readonly SurvivedQueue[];
  /** By topic, the values that it may have: undefined is none. */
  readonly retained: ReadonlyMap<string, readonly (Message | undefined)[]>;
}

/** More than a read and what may wait behind it. */
const READ_BYTES = 64 * 1024;
/** How long the broker may not read from one for other reasons than flow control. */
const PAUSE_MS = 50;
/** Options that the first SUB of a queue fixes. */
const OF_QUEUE: ReadonlySet<string> = new Set([
  "ack",
  "keep",
  "durable",
  "ackTimeoutMs",
  "maxAttempts",
  "deadLetter",
  "overflow",
  "maxMessages",
  "maxBytes",
  "partitionBy",
  "dedupeMs",
]);

export class Oracle implements Watcher {
  readonly faults: FaultCounts;
  readonly world: OracleWorld;
  readonly peers: Map<Connection, PeerView> = new Map();
  readonly plain: Set<PlainView> = new Set();
  readonly queues: Map<string, QueueView> = new Map();
  /** Where the dead go, also of queues that have ended: what they left may wait yet. */
  readonly #deadTopics = new Set<string>();
  /** By pattern, whether it matches one of those. */
  readonly #getsDead = new Map<string, boolean>();
  readonly calls: Calls = new Calls();
  readonly requests: Requests = new Requests(this, this.calls);
  readonly retained: RetainedValues;
  readonly #objects = new Map<QueueView, object | undefined>();
  #receivers = new Map<string, { plain: PlainView[]; queues: QueueView[] }>();
  readonly #touchedQueues = new Set<QueueView>();
  readonly deaths: Deaths = new Deaths(this);
  readonly #sent = new Sent(this);
  #isShort = false;
  /** Of the largest message that was published. */
  largestBytes = 0;
  /** Until the broker lets go of it. */
  holdsDisk = true;
  /** Whether something was read in this event. */
  hasRead = false;
  /** Whether a frame was read or sent to its last byte in this event; and whether a part of one was. */
  hasFrame = false;
  hasPart = false;
  /** What was published by what was read last. */
  #published: Message[] = [];
  /** Somebody has to wait for a turn before what it sent is acted upon. */
  #isInterrupted = false;
  /** What came from it is acted upon. */
  #acting: PeerView | undefined;

  /** @param isWallSound whether the clock on the wall went on as the other did; times on disk are its. */
  constructor(world: OracleWorld, survived: Survived | undefined, isWallSound: boolean, slackMs: number) {
    this.world = world;
    this.faults = world.faults;
    this.retained = new RetainedValues(this, survived?.retained ?? new Map());
    if (survived === undefined) return;
    for (const queue of survived.queues) this.#survive(queue, isWallSound, slackMs);
  }

  get nowMs(): number {
    return this.world.nowMs();
  }

  get events(): number {
    return this.world.events();
  }

  get flushes(): number {
    return this.world.flushes();
  }

  get isTurnOpen(): boolean {
    return this.world.isTurnOpen();
  }

  get isShortOfMemory(): boolean {
    return this.#isShort || this.world.isShortOfMemory;
  }

  accepted(connection: Connection): void {
    this.peers.set(connection, new PeerView(this, connection, this.nowMs));
  }

  // ── What the broker reads ─────────────────────────────────────────────────────────────────────────────────────────

  read(connection: Connection, bytes: Buffer): void {
    const peer = this.peers.get(connection)!;
    peer.readBytes += bytes.length;
    this.hasRead = true;
    this.#published = [];
    peer.lastSignMs = this.nowMs;
    if (peer.isGone || peer.isBad) return;
    const all = peer.rest.length > 0 ? Buffer.concat([peer.rest, bytes]) : bytes;
    const beginAt = peer.readBytes - all.length;
    this.world.say(() => `${connection.id} ──► ${bytes.length} bytes`);
    let at = 0;
    while (at < all.length) {
      if (beginAt + at >= connection.badFrom) {
        const isSecond = isSecondSub(peer, all, at);
        if (isSecond === undefined) break;
        if (!isSecond) {
          peer.isBad = true;
          break;
        }
        connection.badFrom = Number.POSITIVE_INFINITY;
      }
      const frame = decode(all, at, all.length);
      if (frame === undefined) break;
      at = frame.end;
      peer.position++;
      this.#acting = peer;
      this.world.say(() => `${connection.id} ──► ${show(frame)}`);
      this.#act(peer, frame, all);
      this.#acting = undefined;
      if (peer.isBad) break;
    }
    if (at === 0) this.hasPart = true;
    else this.hasFrame = true;
    peer.rest = at === all.length ? EMPTY : copyOf(all, at);
  }

  /** What was read last is not acted upon at once, nor may be what is read until that goes on: of the same peer, or of another like it. */
  interrupted(): void {
    for (const message of this.#published) message.isLoose = true;
    this.#isInterrupted = true;
  }

  goesOn(): void {
    this.#isInterrupted = false;
  }

  #act(peer: PeerView, frame: Read, buf: Buffer): void {
    const { elements } = frame;
    if (peer.state === "hello") {
      if (frame.op === Op.HELLO) peer.state = "open";
      else peer.mustHaveSaidHello();
      return;
    }
    switch (frame.op) {
      case Op.PUB:
      case Op.RETAIN:
        return this.#publish(peer, frame, buf);
      case Op.SUB:
        return this.#subscribe(peer, frame);
      case Op.UNSUB:
        return this.#unsubscribe(peer, elements[1] as number);
      case Op.SYNC:
        peer.syncs.set(elements[1] as number, { position: peer.position, least: peer.least, most: peer.most });
        peer.least = peer.most = 0;
        return;
      case Op.ACK:
        return this.#acknowledge(peer, elements);
      case Op.XOFF:
      case Op.XON:
        return this.#hold(peer, elements[1] as number, frame.op === Op.XOFF);
      case Op.PING:
        peer.pings++;
        return;
      case Op.BYE:
        return this.#bye(peer);
      case Op.REQ:
        return this.requests.request(peer, frame, buf);
      case Op.REPLY:
        return this.requests.reply(peer, frame, buf);
      case Op.CANCEL:
        return this.requests.cancel(peer, elements[1] as number);
      default:
    }
  }

  /** `peer` is to be answered with one of these errors. */
  due(peer: PeerView, ref: number | null, codes: readonly string[], topic?: string): void {
    peer.due.push({ ref, codes, topic, position: peer.position });
  }

  /** Who receives what is published to `topic`. */
  match(topic: string): { plain: PlainView[]; queues: QueueView[] } {
    let found = this.#receivers.get(topic);
    if (found === undefined) {
      found = {
        plain: [...this.plain].filter((it) => it.isLive && matches(it.pattern, topic)),
        queues: [...this.queues.values()].filter((it) => matches(it.pattern, topic)),
      };
      this.#receivers.set(topic, found);
    }
    return found;
  }

  /** Who receives what has changed. */
  changed(): void {
    this.#receivers = new Map();
  }

  #publish(peer: PeerView, frame: Read, buf: Buffer): void {
    const topic = frame.elements[1] as string;
    peer.connection.onPublished?.(topic, frame.uid);
    if (!isTopic(topic)) {
      this.faults.hit("refused-publish");
      return this.due(peer, null, ["bad_topic"], topic);
    }
    if (topic.startsWith("$")) {
      this.faults.hit("refused-publish");
      return this.due(peer, null, ["not_allowed"], topic);
    }
    const { nowMs } = this;
    const { plain, queues } = this.match(topic);
    const isRefusable = peer.mayBeRefused(topic);
    const message = readMessage(frame, buf, nowMs, isRefusable);
    message.isLoose = this.#isInterrupted;
    this.#published.push(message);
    this.largestBytes = Math.max(this.largestBytes, message.bytes.length);
    if (isRefusable) peer.refused.push(message);
    if (frame.op === Op.RETAIN && this.retained.set(peer, message, frame.elements[2] === null)) {
      this.faults.hit("refused-publish");
      this.due(peer, null, ["limit"], topic);
    }
    for (const sub of plain) {
      if (sub.policy === "block") this.#look(peer, sub, topic, false);
      const isLossy = sub.policy === "drop-newest" || sub.policy === "disconnect";
      const mayBeLeft = isLossy && sub.couldBeFull;
      if (!isLossy || !sub.isSurelyFull || message.isRefusable) peer.most++;
      sub.publish(message);
      if (!mayBeLeft && !isRefusable) peer.least++;
    }
    for (const queue of queues) {
      if (queue.options.overflow === "block" && !queue.surelyKnows(message, nowMs)) {
        this.#look(peer, queue, topic, queue.knows(message, nowMs));
      }
      this.touch(queue);
      const [least, most] = queue.publish(message, nowMs);
      peer.most += most;
      const isThere = queue.options.keep || queue.hasLiveMember;
      if (!isRefusable && isThere && !queue.isInDoubt) peer.least += least;
    }
    if (peer.off.has(topic)) {
      this.faults.hit("ignored-xoff");
      peer.offBytes += message.bytes.length;
      const most = this.world.headroom + READ_BYTES * 4 + message.bytes.length;
      // Where it takes nothing, XON may be on its way.
      if (peer.wasBlocked) peer.offBytes = 0;
      if (peer.offBytes > most && !peer.servesItself) {
        throw violation(peer, `${peer.offBytes} bytes were read of what it sent to topics in XOFF`);
      }
    }
  }

  /** Whether a publish of `peer` finds `receiver`, which blocks, full; unless that knows it already. */
  #look(peer: PeerView, receiver: PlainView | QueueView, topic: string, mayBeKnown: boolean): void {
    if (receiver.couldBeFull) peer.mayBeFull.add(topic);
    if (mayBeKnown || !receiver.isSurelyFull) return;
    receiver.heldUp.add(`${peer.id} ${topic}`, peer.id);
    if (peer.off.has(topic) || peer.surelyFull.has(topic)) return;
    peer.surelyFull.set(topic, peer.position);
    this.world.say(() => `${topic} leads to what is full`);
  }

  // ── Subscriptions ─────────────────────────────────────────────────────────────────────────────────────────────────

  #subscribe(peer: PeerView, frame: Read): void {
    const sid = frame.elements[1] as number;
    const pattern = frame.elements[2] as string;
    const possible: string[] = [];
    const refuse = (...codes: string[]): void => {
      this.faults.hit("refused-option");
      this.due(peer, sid, [...codes, ...possible]);
    };
    if (this.world.isClosing() || peer.isLeaving) return this.due(peer, sid, ["closing"]);
    if (!isPattern(pattern)) return refuse("bad_pattern");
    const options = readOptions(mapOf(frame.elements[3]));
    if (optionProblem(options, pattern)) return refuse("bad_option");
    const mayCount = [...peer.subs.values()].filter(
      (it) => it.isLive || (it.kind === "member" && it.mayBeRetired),
    ).length;
    const mayBeRefused = mayCount >= this.world.maxSubscriptions;
    if (mayBeRefused) {
      const counts = [...peer.subs.values()].filter((it) => it.isLive && !peer.doubtful.has(it)).length;
      if (counts >= this.world.maxSubscriptions) return refuse("limit");
      possible.push("limit");
    }
    if (options.respond) {
      if (pattern.startsWith("$")) return refuse("not_allowed");
      const responder = new ResponderView(peer, sid, pattern, peer.position);
      peer.subs.set(sid, responder);
      this.calls.responders.add(responder);
    } else if (options.queue === undefined) {
      const sub = new PlainView(peer, sid, pattern, options, peer.position);
      peer.subs.set(sid, sub);
      this.plain.add(sub);
      if (options.retained) this.retained.expect(sub);
    } else {
      if (options.durable && !this.world.hasDisk) return refuse("unavailable");
      const queue = this.#queueFor(peer, options.queue, pattern, options, mayBeRefused);
      if (queue === undefined) return refuse("bad_option");
      const member = new MemberView(queue, peer, sid, options, peer.position, this.events);
      queue.isInDoubt &&= mayBeRefused;
      peer.subs.set(sid, member);
      queue.members.add(member);
      if (queue.next !== undefined) {
        possible.push("bad_option");
        if (!isLike(options, pattern, queue)) member.next = queue.next;
      }
    }
    if (possible.length > 0) peer.doubtful.add(peer.subs.get(sid)!);
    this.changed();
  }

  #queueFor(
    peer: PeerView,
    name: string,
    pattern: string,
    options: SubOptions,
    mayBeRefused: boolean,
  ): QueueView | undefined {
    let queue = this.queues.get(name);
    if (queue !== undefined && this.world.queue(name) === undefined && this.#objects.has(queue)) {
      this.#ended(queue);
      queue = undefined;
    }
    if (queue === undefined) {
      const rules = { ...options, overflow: options.overflow as "block" };
      queue = new QueueView(this, name, pattern, rules, mayBeRefused);
      this.queues.set(name, queue);
      const made = queue;
      if (options.durable) peer.effects.push({ position: peer.position, apply: () => (made.isKept = true) });
      return queue;
    }
    for (const it of [queue, queue.next]) if (it !== undefined && isLike(options, pattern, it)) return queue;
    // One whose last member left in this read may have ended: then this begins another.
    if (queue.options.keep || queue.hasLiveMember || !queue.wasAble) return undefined;
    const isNew = !this.#objects.has(queue);
    queue.next = { pattern, options: { ...options, overflow: options.overflow as "block" }, isNew };
    return queue;
  }

  #unsubscribe(peer: PeerView, sid: number): void {
    const sub = peer.subs.get(sid);
    if (sub === undefined || !sub.isLive) return;
    const mayHold = sub.kind === "member" && this.#mayHold(sub);
    sub.unsubPosition = peer.position;
    if (sub.kind === "member" && !mayHold) this.#leaves(sub);
    this.changed();
  }

  /** Whether `member` may have something to settle: also what it was handed between two frames of the same read. */
  #mayHold(member: MemberView): boolean {
    const { queue, held, peer } = member;
    if (!queue.options.ack) return false;
    if (held.length > 0 || !peer.isIdle) return true;
    if (!member.mayBeHanded || !queue.hasUnheld) return false;
    queue.isUncertainNow();
    return true;
  }

  /** A member that does not acknowledge is one no longer. What was handed to its connection may come yet. */
  #leaves(member: MemberView): void {
    const { queue } = member;
    queue.left(member);
    if (queue.members.size === 0 && !queue.options.keep) return this.#ended(queue);
    const mayHave = !member.peer.isIdle || member.mayBeHanded;
    for (const entry of queue.entries) if (entry.holder === undefined) entry.isLoose ||= mayHave;
  }

  #acknowledge(peer: PeerView, elements: readonly Value[]): void {
    const sub = peer.subs.get(elements[1] as number);
    if (sub?.kind !== "member" || !sub.queue.options.ack) return;
    const [, , first, last, verdict] = elements as number[];
    const delayMs = typeof elements[5] === "number" ? elements[5] : 0;
    if (sub.isHeld) sub.heldSinceMs = this.nowMs;
    sub.changed();
    this.touch(sub.queue);
    if (verdict === 1) this.faults.hit("nack");
    else if (verdict === 2) this.faults.hit("reject");
    sub.queue.acknowledged(sub, first!, last!, verdict!, delayMs, this.nowMs);
  }

  #hold(peer: PeerView, sid: number, isHeld: boolean): void {
    const sub = peer.subs.get(sid);
    if (sub === undefined) return;
    if (isHeld) this.faults.hit("hold");
    if (sub.kind === "member") sub.changed();
    sub.isHeld = isHeld;
    sub.heldSinceMs = this.nowMs;
  }

  #bye(peer: PeerView): void {
    if (peer.state !== "open") return;
    peer.state = "leaving";
    for (const sub of peer.subs.values()) {
      if (sub.kind === "plain") sub.isHeld = false;
      else if (sub.isLive) {
        sub.unsubPosition = peer.position;
        if (sub.kind === "member" && !sub.queue.options.ack) this.#leaves(sub);
      }
    }
    this.changed();
  }

  /** What a call of one of the broker's own topics changes. */
  administer(frame: Read): void {
    const asked = mapOf(frame.elements[3]);
    const queue = this.queues.get(String(asked?.["queue"]));
    if (queue === undefined) return;
    switch (frame.elements[2]) {
      case "$sys.queue.purge":
        this.faults.hit("purge");
        return queue.purge();
      case "$sys.queue.remove":
        this.faults.hit("remove");
        queue.isRemoved = true;
        return;
      case "$sys.queue.update":
        this.faults.hit("update");
        queue.hasReturned = true;
        if (typeof asked?.["maxMessages"] === "number") queue.relimit(asked["maxMessages"]);
        return;
      default:
    }
  }

  // ── What the broker writes ────────────────────────────────────────────────────────────────────────────────────────

  sent(connection: Connection, frame: Read, buf: Buffer): void {
    this.hasFrame = true;
    this.#sent.sent(this.peers.get(connection)!, frame, buf);
  }

  sentPart(connection: Connection): void {
    this.hasPart = true;
    if (connection.isBlocked) this.peers.get(connection)!.lastSignMs = this.nowMs;
  }

  /** When the client of a subscription that may hold others up last showed that it is at work. */
  lastSignMs(connection: Connection, sid: number): number {
    const { subs, lastSignMs } = this.peers.get(connection)!;
    const sub = subs.get(sid);
    return sub?.isHeld === true ? Math.min(lastSignMs, sub.heldSinceMs) : lastSignMs;
  }

  /** Something came to `queue`, or went: its order is looked at when the event is over. */
  touch(queue: QueueView): void {
    this.#touchedQueues.add(queue);
  }

  // ── On disk ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #effect(queue: QueueView, apply: () => void): void {
    const peer = this.#acting;
    if (peer === undefined || !queue.options.durable) return;
    peer.effects.push({ position: peer.position, apply });
  }

  kept(entry: Entry, queue: QueueView): void {
    const id = entry.message.id === undefined ? undefined : queue.ids.get(entry.message.id);
    this.#effect(queue, () => {
      entry.isKept = true;
      entry.whenKept?.();
      if (id !== undefined) id.isKept = true;
    });
  }

  attemptFailed(entry: Entry, queue: QueueView): void {
    const attempt = entry.least;
    this.#effect(queue, () => (entry.keptAttempt = Math.max(entry.keptAttempt, attempt)));
  }

  settledUnseen(entry: Entry, queue: QueueView): void {
    if (!queue.options.durable) return;
    entry.isSettledPastDisk = !this.holdsDisk;
    queue.unkept.add(entry);
    this.#effect(queue, () => queue.unkept.delete(entry));
  }

  // ── Ends ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  complete(connection: Connection): void {
    const peer = this.peers.get(connection)!;
    for (const sub of peer.subs.values()) if (sub.kind === "member") sub.completeSeq = sub.nextSeq - 1;
  }

  ended(connection: Connection): void {
    const peer = this.peers.get(connection);
    this.world.say(() => `${connection.id} ended`);
    if (peer === undefined || peer.state === "over") return;
    this.#release(peer);
    peer.state = "over";
  }

  decided(connection: Connection, code: string): void {
    const peer = this.peers.get(connection)!;
    this.world.say(() => `${connection.id} is closed: ${code}`);
    if (peer.isGone) return;
    if (code !== "left") return this.closes(peer, code);
    if (peer.state !== "leaving") throw violation(peer, "the broker let it go, and it did not say BYE");
    this.#release(peer);
    peer.state = "closing";
  }

  /** The broker closes it with an error. */
  closes(peer: PeerView, code: string): void {
    peer.closingCode = code;
    checkClosing(peer, code);
    this.#release(peer);
    peer.state = "closing";
  }

  #release(peer: PeerView): void {
    if (peer.isGone) return;
    for (const sub of peer.subs.values()) {
      if (sub.kind === "plain") this.plain.delete(sub);
      else if (sub.kind === "responder") this.calls.responders.delete(sub);
      else {
        this.touch(sub.queue);
        sub.queue.gone(sub);
      }
      if (sub.kind === "plain") sub.isOver = sub.isOver || peer.state === "over";
      if (sub.isLive) sub.unsubPosition = peer.position;
    }
    for (const call of peer.asked.values()) this.calls.free(call);
    this.calls.forget();
    for (const call of peer.calls.values()) {
      call.isCut = !call.isOver;
      call.isOver = true;
      this.calls.free(call);
    }
    this.changed();
  }

  #ended(queue: QueueView): void {
    queue.isEnded = true;
    this.queues.delete(queue.name);
    this.#objects.delete(queue);
    this.changed();
  }

  // ── After each event ──────────────────────────────────────────────────────────────────────────────────────────────

  afterEvent(): void {
    this.#sent.checkReleased();
    this.hasRead = this.hasFrame = this.hasPart = false;
    const { nowMs } = this;
    for (const peer of this.peers.values()) this.#checkPause(peer, nowMs);
    for (const queue of this.queues.values()) {
      const object = this.world.queue(queue.name);
      const known = this.#objects.get(queue);
      if (known === undefined && object !== undefined) {
        this.#objects.set(queue, object);
        queue.isInDoubt = false;
        this.#mayBeAnother(queue);
      } else if (known === undefined) this.#queueGone(queue, undefined);
      else if (object !== known) this.#queueGone(queue, object);
      else if (queue.next?.isNew === false) this.#refuseNext(queue);
    }
    for (const queue of this.queues.values()) queue.checkServed(nowMs);
    if (this.#touchedQueues.size === 0) return;
    for (const queue of this.#touchedQueues) queue.checkOrder(this.flushes, nowMs);
    this.#touchedQueues.clear();
  }

  /** One that was made in this event may have ended in it, with its last member, and be another by now: what it had is in doubt. */
  #mayBeAnother(queue: QueueView): void {
    const by = queue.mayBeBegunBy;
    const [first] = queue.members;
    if (queue.options.keep || by === undefined || by === first) return;
    for (const entry of queue.entries) if (entry.order < by.joinedOrder) queue.doubt(entry);
    queue.hasReturned = true;
    queue.mayDrop = Number.POSITIVE_INFINITY;
  }

  #queueGone(queue: QueueView, object: object | undefined): void {
    if (object === undefined && !queue.isRemoved) this.#refused(queue);
    const live = [...queue.members].filter((it) => it.isLive);
    const by = object === undefined ? undefined : queue.mayBeBegunBy;
    const isOwn = (queue.options.keep && !queue.isInDoubt) || (live.length > 0 && by === undefined);
    if (isOwn && !queue.isRemoved) throw queue.violation("it ended, and has members, or is to be kept");
    this.#ended(queue);
    if (by === undefined || live.length === 0) {
      for (const member of queue.members) member.isGone = true;
      return;
    }
    // Its last member left, and a new one came, before one could see that it was gone: it is another queue.
    this.#beginAnew(queue, object, by.joinedOrder);
  }

  /** Another is in `queue`'s place: with what came from that place on, and those who are there. */
  #beginAnew(queue: QueueView, object: object | undefined, from: number): void {
    const { pattern, options } = queue.next ?? queue;
    const next = new QueueView(this, queue.name, pattern, options);
    next.hasReturned = true;
    next.mayDrop = Number.POSITIVE_INFINITY;
    for (const entry of queue.entries) if (entry.order >= from) next.restore(entry);
    for (const [id, known] of queue.ids) next.ids.set(id, { ...known, isSure: false });
    for (const member of queue.members) {
      if (member.isLive) next.adopt(member);
      else member.isGone = true;
    }
    this.queues.set(next.name, next);
    this.#objects.set(next, object);
    this.changed();
  }

  /** `sub` of `peer`, which may have been refused, was not: a queue that it alone asked for is there. */
  accepts(peer: PeerView, sub: SubView): void {
    peer.doubtful.delete(sub);
    if (sub.kind === "member" && sub.next !== undefined) this.#nextIs(sub.queue, sub.next);
  }

  /** `sub` was refused: as another queue is there than the one that it asked for, where that is why. */
  refuses(member: MemberView, code: string): void {
    const { queue, next } = member;
    queue.members.delete(member);
    if (code !== "bad_option" || queue.next === undefined) return;
    if (next === undefined) this.#nextIs(queue, queue.next);
    else queue.next = undefined;
  }

  /** What was made in its first event, and left, has ended then, and `next` is in its place. */
  #nextIs(queue: QueueView, next: Next): void {
    if (queue.next !== next || queue.isEnded) return;
    const from = Math.min(...[...queue.members].filter((it) => it.next === next).map((it) => it.joinedOrder));
    const object = this.#objects.get(queue);
    this.#ended(queue);
    this.#beginAnew(queue, object, from);
  }

  /** It is the one that it was: those who asked for another are to be told so. */
  #refuseNext(queue: QueueView): void {
    for (const member of queue.members) {
      const { peer, sid, subPosition, next } = member;
      if (next === undefined || !peer.doubtful.delete(member)) continue;
      peer.due.push({ ref: sid, codes: ["bad_option", "limit"], topic: undefined, position: subPosition });
      member.isOver = true;
      queue.members.delete(member);
    }
    queue.next = undefined;
  }

  /** There is no such queue: those who may have been refused were, and are to be told so. */
  #refused(queue: QueueView): void {
    for (const member of queue.members) {
      const { peer, sid, subPosition } = member;
      if (!member.isLive || !peer.doubtful.delete(member)) continue;
      peer.due.push({ ref: sid, codes: ["limit"], topic: undefined, position: subPosition });
      member.isOver = true;
      queue.members.delete(member);
    }
  }

  /** Whoever has to empty what holds it up is read from all the same: it has to be able to settle. */
  #checkPause(peer: PeerView, nowMs: number): void {
    const { connection } = peer;
    if (peer.state === "hello" && !peer.isBad && !connection.isClientClosed) {
      const silentMs = nowMs - peer.acceptedMs;
      const { handshakeMs, slackMs } = this.world;
      if (silentMs > handshakeMs + slackMs) {
        throw violation(peer, `it is ${silentMs} ms here, and has said no HELLO`);
      }
    }
    if (!connection.isPaused || peer.off.size === 0 || peer.isGone || peer.wasBlocked) return;
    // A pause for the others' sake, where its frames are dear, is over soon.
    if (nowMs - connection.pausedAtMs < PAUSE_MS) return;
    if (peer.holdsItselfUp)
      throw violation(peer, "the broker does not read from it, and it empties itself what is full");
  }

  /** The limits of a subscription, where the broker puts nothing of its own into it. */
  limitsOf(connection: Connection, sid: number): PlainView | undefined {
    const sub = this.peers.get(connection)?.subs.get(sid);
    return sub?.kind === "plain" && !sub.isVague && !sub.isSystem ? sub : undefined;
  }

  /** The dead of a queue go to `topic`. */
  deadGoTo(topic: string): void {
    if (this.#deadTopics.has(topic)) return;
    this.#deadTopics.add(topic);
    this.#getsDead.clear();
  }

  /** Whether dead letters may come to `pattern`: messages of the broker's own, of which one knows too late. */
  getsDead(pattern: string): boolean {
    let gets = this.#getsDead.get(pattern);
    if (gets === undefined) {
      gets = [...this.#deadTopics].some((topic) => matches(pattern, topic));
      this.#getsDead.set(pattern, gets);
    }
    return gets;
  }

  memoryWasShort(): void {
    this.#isShort = true;
  }

  /** The broker has died. Nothing of what follows from that reaches the disk. */
  crashed(): void {
    for (const queue of this.queues.values()) for (const member of queue.members) queue.crashed(member);
    for (const peer of this.peers.values()) peer.state = "over";
  }

  /** The broker lets go of its disk: what members of durable queues hold goes back as it came, and is the next one's. */
  dismissed(): void {
    for (const queue of this.queues.values()) {
      if (!queue.options.durable) continue;
      for (const member of queue.members) queue.dismissed(member);
    }
    this.holdsDisk = false;
  }

  /** What a broker that starts now may find. `isOrderly`: the one before has written all before it ended. */
  survived(isOrderly: boolean): Survived {
    if (!this.world.hasDisk) return { queues: [], retained: new Map() };
    const queues = [...this.queues.values()].filter(({ options }) => options.durable);
    return {
      queues: queues.map((queue) => ({ queue, entries: queue.survivors(isOrderly), isOrderly })),
      retained: this.retained.survived(isOrderly),
    };
  }

  #survive({ queue: before, entries, isOrderly }: SurvivedQueue, isWallSound: boolean, slackMs: number): void {
    const queue = new QueueView(this, before.name, before.pattern, { ...before.options });
    queue.isKept = before.isKept || isOrderly;
    queue.hasReturned = true;
    queue.mayDrop = before.mayDrop > 0 ? Number.POSITIVE_INFINITY : 0;
    queue.wasPurged = before.wasPurged;
    for (const entry of entries) {
      const isDelayed = entry.notBeforeMs > 0;
      const isTimed = isDelayed || entry.mayExpireMs < Number.POSITIVE_INFINITY;
      if (isWallSound) {
        entry.notBeforeMs -= slackMs;
        entry.mayExpireMs -= slackMs;
        entry.untilMs += slackMs;
      } else {
        // Its times are those of a clock that jumped, in every broker from here on.
        entry.notBeforeMs = entry.delayedUntilMs = 0;
        entry.wasDelayed ||= isDelayed;
        if (entry.mayExpireMs < Number.POSITIVE_INFINITY) entry.mayExpireMs = Number.NEGATIVE_INFINITY;
        entry.untilMs = Number.POSITIVE_INFINITY;
      }
      if (isTimed) entry.isLoose = true;
      if (isTimed && !isWallSound) entry.isSure = false;
      else if (entry.before !== undefined) entry.before.whenKept = () => queue.assure(entry);
      queue.restore(entry);
    }
    for (const [id, known] of before.ids) {
      const isWritten = known.isKept || (isOrderly && !known.isPastDisk);
      const isSure = known.isSure && isWritten && isWallSound && known.untilMs > this.nowMs + slackMs;
      const untilMs = isWallSound ? known.untilMs + slackMs : Number.POSITIVE_INFINITY;
      queue.ids.set(id, { untilMs, isSure, isKept: known.isKept, isPastDisk: false });
    }
    this.queues.set(queue.name, queue);
  }

  /** The broker has started: what was on disk for sure is there again. */
  started(): void {
    for (const [name, queue] of this.queues) {
      const object = this.world.queue(name);
      if (object !== undefined) this.#objects.set(queue, object);
      else if (queue.isKept) throw queue.violation("it was on disk, and is gone");
      else this.#ended(queue);
    }
  }

  /** Everything has come that comes. */
  checkDrained(): void {
    for (const peer of this.peers.values()) {
      if (peer.isGone) continue;
      if (peer.due.length > 0) throw violation(peer, `ERR ${describe(peer.due[0]!)} never came`);
      for (const id of peer.syncs.keys()) throw violation(peer, `SYNC ${id} was never answered`);
      for (const call of peer.calls.values())
        if (!call.isOver && !call.isCancelled) throw call.violation("it was never answered");
      for (const topic of peer.off.keys()) throw violation(peer, `${topic} is in XOFF still`);
      if (peer.state === "leaving" && peer.isOpenTold && peer.hasNothingLeft) {
        throw violation(peer, "it said BYE, has nothing left to do, and was not let go");
      }
      if (peer.pongs < peer.pings) throw violation(peer, `${peer.pings - peer.pongs} PINGs were not answered`);
      for (const call of peer.asked.values()) {
        const isDone = call.isOver || call.isCancelled || call.caller.isGone;
        if (isDone && !call.hasFinalReply && !call.wasCancelSent && peer.isOpenTold) {
          throw call.violation("its responder was not told CANCEL");
        }
      }
    }
    for (const sub of this.plain) sub.checkDrained();
    for (const queue of this.queues.values()) queue.checkDrained();
    for (const peer of this.peers.values()) if (!peer.isGone) checkRefusals(peer);
    this.deaths.checkDrained();
  }
}

function checkRefusals({ refused, refusals, id }: PeerView): void {
  const found = new Map<string, number>();
  for (const { topic, isRefused } of refused) if (isRefused) found.set(topic, (found.get(topic) ?? 0) + 1);
  for (const [topic, count] of found) {
    const told = refusals.get(topic) ?? 0;
    if (count > told) throw new Violation(`client ${id}: ${count} on ${topic} were not delivered, and ${told} refused`);
  }
}

/** Whether who asks for `pattern` with `options` may be a member of `queue`: what is left out is as it is there. */
function isLike(options: SubOptions, pattern: string, queue: { pattern: string; options: QueueRules }): boolean {
  const asked = options as unknown as Record<string, unknown>;
  const has = queue.options as unknown as Record<string, unknown>;
  return (
    pattern === queue.pattern && [...options.given, "ack"].every((it) => !OF_QUEUE.has(it) || has[it] === asked[it])
  );
}

const EMPTY: Buffer = Buffer.alloc(0);

/**
 * Whether what is to be one SUB too many for a number is none: the first one with it was refused. Undefined where that can't be told,
 * for not all of it is here.
 */
function isSecondSub(peer: PeerView, buf: Buffer, at: number): boolean | undefined {
  if (buf[at] !== 0x93 || (at + 1 < buf.length && buf[at + 1] !== Op.SUB)) return false;
  const frame = decode(buf, at, buf.length);
  if (frame === undefined) return undefined;
  const sid = frame.elements[1] as number;
  return frame.elements[2] === "zz" && peer.subs.get(sid)?.isLive !== true;
}

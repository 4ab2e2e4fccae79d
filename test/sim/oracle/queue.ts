// A named queue, as protocol.md has it. Which member gets a message is the broker's to choose, so that is read off what is written to
// them, and held against what may be: each message is at one place at a time, comes back for a reason, in its order, with its attempt.

import { Violation } from "../trace.ts";
import type { Read } from "../wire.ts";
import { HeldUp } from "./held-up.ts";
import type { MemberView } from "./member.ts";
import type { Message } from "./message.ts";
import type { Oracle } from "./oracle.ts";
import type { PeerView } from "./peer.ts";

/** A member that takes its bytes has room for that much, of all that it receives. */
const SURELY_TAKEN_BYTES = 32 * 1024;

export interface QueueRules {
  readonly ack: boolean;
  readonly keep: boolean;
  readonly durable: boolean;
  readonly overflow: "block" | "drop-oldest" | "drop-newest" | "latest";
  readonly partitionBy: "key" | number | undefined;
  readonly dedupeMs: number;
  deadLetter: string | undefined;
  maxMessages: number;
  maxBytes: number;
  maxAttempts: number;
  ackTimeoutMs: number;
}

/** What is asked for where a queue may have ended. `isNew`: in the event in which that was made, so that it can't be told from it but by what is said. */
export interface Next {
  readonly pattern: string;
  readonly options: QueueRules;
  readonly isNew: boolean;
}

/** A message that a queue took, until it is settled. */
export interface Entry {
  readonly message: Message;
  readonly order: number;
  /** The number of its next attempt, or of the one that it is in: from and to. */
  least: number;
  most: number;
  notBeforeMs: number;
  /** Of that, what its publisher asked for: the other is not on disk. */
  delayedUntilMs: number;
  /** When it expires: at the earliest, and at the latest. Apart once the clock on the wall has jumped between two brokers. */
  mayExpireMs: number;
  untilMs: number;
  holder: MemberView | undefined;
  seq: number;
  heldSinceMs: number;
  enteredMs: number | undefined;
  mayHaveTimedOut: boolean;
  /** Whether the queue has it for sure: it was not dropped, settled or expired unseen. */
  isSure: boolean;
  /** It has been a member's, or may have been: it has a place in front. */
  isBack: boolean;
  /** How many turns had been handed on when it came back. */
  backAtFlush: number;
  /** Likewise, when it came and may have been handed out at once, to make room for others; -2 where it was not. */
  readonly aheadAtFlush: number;
  /** It waited when the queue was emptied: unless it was on its way, it is gone. */
  wasPurged: boolean;
  /** Until when it is delayed is not known: a member gave it back for later, which may be on disk, or the clock on the wall jumped. */
  wasDelayed: boolean;
  /** Its place is not known: it is delayed, or was on its way to a member that went. */
  isLoose: boolean;
  isLost: boolean;
  /** That it was taken is on disk; and the attempt that is. */
  isKept: boolean;
  keptAttempt: number;
  /** It came when the broker was letting go of its disk: it may reach that yet, or not. */
  readonly isPastDisk: boolean;
  /** Likewise, that it is settled. */
  isSettledPastDisk: boolean;
  /** Which it was in the broker before; and what is to be done once that one confirms that it is on disk. */
  readonly before: Entry | undefined;
  whenKept: (() => void) | undefined;
}

interface KnownId {
  readonly untilMs: number;
  readonly isSure: boolean;
  isKept: boolean;
  readonly isPastDisk: boolean;
}

export class QueueView {
  readonly oracle: Oracle;
  readonly name: string;
  readonly pattern: string;
  readonly options: QueueRules;
  readonly members: Set<MemberView> = new Set();
  /** Clients of members that left, while something that those were handed may be on its way. */
  readonly #parting = new Set<PeerView>();
  /** Not settled, in the order in which they were taken. */
  readonly entries: Set<Entry> = new Set();
  readonly #byUid = new Map<number, Entry[]>();
  /** How often it took each, by number. */
  readonly #taken = new Map<number, number>();
  /** Settled and dead ones, by number: never to be seen again. */
  readonly settled: Map<number, Entry> = new Map();
  readonly ids: Map<string, KnownId> = new Map();
  /** What it is to be if it turns out that it has ended, and another began in its place. */
  next: Next | undefined;
  /** Whether that there is such a queue is on disk. */
  isKept = false;
  isEnded = false;
  /** Whether there may be none: all who asked for it may have been refused. */
  isInDoubt: boolean;
  /** Somebody asked for it to be removed, or emptied. */
  isRemoved = false;
  wasPurged = false;
  /** Settled ones of which that may not be on disk: they may come back. */
  readonly unkept: Set<Entry> = new Set();
  /** Whether one has ever come back, or been put aside: then the limit can be passed. */
  hasReturned = false;
  accepted = 0;
  gapTotal = 0;
  lost = 0;
  mayDrop = 0;
  /** How many of those in {@link entries} are of no certain fate. */
  unsure = 0;
  bytes = 0;
  #order = 0;
  /** The last turn in which its limit changed, and the greatest that it had in it. */
  #relimitedAt = -2;
  #mostInTurn = 0;
  /** The last event in which something was published, and a member could take it. */
  #ableAt = -1;
  /** The last turn in the middle of which something may have been handed out, to make room, and from when on. */
  #aheadAtFlush = -1;
  #aheadMs = 0;
  /** Topics that it holds up for sure, since it was last half empty, and whose. */
  readonly heldUp: HeldUp = new HeldUp();
  /** One that waits although a member could have it, and since when. */
  #neglected: Entry | undefined;
  #neglectedSinceMs = 0;
  /** Those that it was emptied of, for sure, and that no GAP tells of yet; when that was, and whether something came since. */
  #untoldPurged = 0;
  #purgedAt = -1;
  #cameSincePurge = false;
  /** The greatest place of those that came for the first time in this event; and of those among them that were not handed out ahead. */
  freshInEvent = -1;
  #behindInEvent = -1;

  constructor(oracle: Oracle, name: string, pattern: string, options: QueueRules, isInDoubt = false) {
    this.oracle = oracle;
    this.name = name;
    this.pattern = pattern;
    this.options = options;
    this.isInDoubt = isInDoubt;
    if (options.deadLetter !== undefined) oracle.deadGoTo(options.deadLetter);
  }

  get waiting(): number {
    let held = 0;
    for (const member of this.members) held += member.held.length;
    return this.entries.size - held - Math.max(this.lost, this.gapTotal);
  }

  get couldBeFull(): boolean {
    if (this.#isVague) return true;
    return this.#isAtLimit && !this.#isTakenOn;
  }

  /** Whether there are as many as may wait, also where some of them do not. */
  get #isAtLimit(): boolean {
    return this.entries.size >= this.options.maxMessages || this.bytes >= this.options.maxBytes;
  }

  /** Whether a member has room for all that there is: then it is on its way, and does not wait. */
  get #isTakenOn(): boolean {
    const { ack, partitionBy } = this.options;
    if (partitionBy !== undefined || this.bytes >= SURELY_TAKEN_BYTES) return false;
    // An ending broker keeps what is on disk for the next one.
    if (this.options.durable && this.oracle.world.isClosing()) return false;
    // A delay that is over may not have been found out to be; one that a member asked for may have outlived the broker.
    for (const { notBeforeMs, wasDelayed, holder } of this.entries) {
      if (holder === undefined && (notBeforeMs > 0 || wasDelayed)) return false;
    }
    for (const member of this.members) {
      if (!member.isLive || member.isHeld || member.peer.isLeaving || member.peer.wasBlocked) continue;
      if (member.peer.comingBytes >= SURELY_TAKEN_BYTES) continue;
      if (!ack || member.prefetch - member.held.length >= this.entries.size) return true;
    }
    return false;
  }

  /** Whether the next message finds it full, for sure. */
  get isSurelyFull(): boolean {
    const waiting = this.exactWaiting;
    if (waiting === undefined) return false;
    return waiting >= this.options.maxMessages || this.unheldBytes >= this.options.maxBytes;
  }

  /** Its limit has changed. */
  relimit(maxMessages: number): void {
    const turn = this.oracle.flushes;
    if (this.#relimitedAt !== turn) this.#mostInTurn = this.options.maxMessages;
    this.#relimitedAt = turn;
    this.#mostInTurn = Math.max(this.#mostInTurn, maxMessages);
    this.options.maxMessages = maxMessages;
  }

  /** Whether more than half of the limit waits, for sure. */
  get isSurelyAboveHalf(): boolean {
    return this.#isSurelyAboveHalfOf(this.options.maxMessages);
  }

  /** Likewise, of each limit that it had in the turn that is being handed on. */
  get wasSurelyAboveHalf(): boolean {
    const isRelimited = this.oracle.flushes - this.#relimitedAt <= 1;
    return this.#isSurelyAboveHalfOf(isRelimited ? this.#mostInTurn : this.options.maxMessages);
  }

  #isSurelyAboveHalfOf(maxMessages: number): boolean {
    const waiting = this.exactWaiting;
    if (waiting === undefined) return false;
    return waiting * 2 > maxMessages || this.unheldBytes * 2 > this.options.maxBytes;
  }

  /** Of what no member has, as far as can be seen: it waits, or is on its way to one. */
  get unheldBytes(): number {
    let bytes = 0;
    for (const { holder, mayHaveTimedOut, message } of this.entries) {
      if (holder === undefined || mayHaveTimedOut) bytes += message.bytes.length;
    }
    return bytes;
  }

  /** The broker drops and holds back beyond what the limits say, or puts in messages of its own; or which limits hold is not told yet. */
  get #isVague(): boolean {
    return this.next !== undefined || this.oracle.isShortOfMemory || this.oracle.getsDead(this.pattern);
  }

  /** Whether there is something that no member has, as far as can be seen. */
  get hasUnheld(): boolean {
    for (const { holder, isLost } of this.entries) if (holder === undefined && !isLost) return true;
    return false;
  }

  /** Whether something was published in this event that a member could take. */
  get wasAble(): boolean {
    return this.#ableAt === this.oracle.events;
  }

  /** What waits can't be known in this event. */
  isUncertainNow(): void {
    this.#ableAt = this.oracle.events;
  }

  /** How many wait, where that is certain: nobody can be handed anything, and nothing is on its way. */
  get exactWaiting(): number | undefined {
    // What is published while somebody can take it may be on its way before the turn ends.
    if (this.#ableAt === this.oracle.events) return undefined;
    if (
      this.#isVague ||
      this.isInDoubt ||
      this.unsure > 0 ||
      this.mayDrop !== this.lost ||
      this.options.overflow === "latest"
    )
      return undefined;
    if (this.#isParting) return undefined;
    for (const member of this.members) {
      if (!member.isUnable || !member.peer.isIdle) return undefined;
      member.lapse(this.oracle.nowMs);
      for (const entry of member.held) if (entry.mayHaveTimedOut) return undefined;
    }
    // One that has outlived its time may have been found out, or not.
    const { nowMs } = this.oracle;
    for (const { mayExpireMs } of this.entries) if (mayExpireMs <= nowMs) return undefined;
    return this.waiting;
  }

  /** A member that does not acknowledge is one no longer. */
  left(member: MemberView): void {
    this.members.delete(member);
    if (!member.peer.isIdle) this.#parting.add(member.peer);
  }

  get #isParting(): boolean {
    if (this.#parting.size === 0) return false;
    for (const peer of this.#parting) if (peer.isIdle || peer.isGone) this.#parting.delete(peer);
    return this.#parting.size > 0;
  }

  /** Whether it may know `message` as one that it has taken. */
  knows({ id }: Message, nowMs: number): boolean {
    return id !== undefined && this.options.dedupeMs > 0 && (this.ids.get(id)?.untilMs ?? 0) > nowMs;
  }

  surelyKnows(message: Message, nowMs: number): boolean {
    return this.knows(message, nowMs) && this.ids.get(message.id!)!.isSure;
  }

  /** `message` was published to it. Returns how many deliveries that is, at least and at most. */
  publish(message: Message, nowMs: number): [least: number, most: number] {
    const { dedupeMs, overflow } = this.options;
    let isSure = true;
    if (message.id !== undefined && dedupeMs > 0) {
      const known = this.ids.get(message.id);
      if (known !== undefined && known.untilMs > nowMs) {
        if (known.isSure) {
          this.oracle.faults.hit("duplicate");
          return [1, 1];
        }
        isSure = false;
      }
    }
    const couldBeFull = this.couldBeFull;
    let room = 0;
    for (const member of this.members) {
      if (member.isUnable) continue;
      this.#ableAt = this.oracle.events;
      room += this.options.ack ? member.prefetch - member.held.length : Number.POSITIVE_INFINITY;
    }
    // Full, it is first handed out as far as there is room, in the middle of a read: those whom it held up may go on then.
    if ((this.waiting - room) * 2 <= this.options.maxMessages) this.heldUp.clear();
    const isAtLimit = this.#isVague || this.#isAtLimit;
    if (isAtLimit && this.wasAble && this.#aheadAtFlush !== this.oracle.flushes) {
      this.#aheadAtFlush = this.oracle.flushes;
      this.#aheadMs = nowMs;
    }
    if (couldBeFull && overflow !== "block") {
      const isPlain = this.bytes < this.options.maxBytes && !this.#isVague && !this.hasReturned;
      this.mayDrop += isPlain ? 1 : Number.POSITIVE_INFINITY;
    } else if (overflow === "latest") {
      for (const entry of this.entries) if (entry.message.topic === message.topic) this.mayDrop++;
    }
    const mayBeLeft = couldBeFull && overflow === "drop-newest";
    const isLeft = mayBeLeft && isSure && this.isSurelyFull;
    if (message.id !== undefined && dedupeMs > 0) {
      this.ids.delete(message.id);
      this.ids.set(message.id, {
        untilMs: nowMs + dedupeMs,
        isSure: !mayBeLeft && isSure && !message.isRefusable,
        isKept: false,
        isPastDisk: !this.oracle.holdsDisk,
      });
    }
    const entry = this.#add(message, nowMs, isSure && !message.isRefusable);
    if (isLeft) {
      entry.isLost = true;
      this.lost++;
    }
    this.oracle.kept(entry, this);
    return [mayBeLeft ? 0 : 1, isLeft ? 0 : 1];
  }

  #add(message: Message, nowMs: number, isSure: boolean): Entry {
    const isDead = message.uid < 0;
    const delayMs = isDead ? 0 : (message.delayMs ?? 0);
    const untilMs = message.ttlMs === undefined ? Number.POSITIVE_INFINITY : nowMs + message.ttlMs;
    const entry: Entry = {
      message,
      order: this.#order++,
      least: 1,
      most: 1,
      notBeforeMs: delayMs > 0 ? nowMs + delayMs : 0,
      delayedUntilMs: delayMs > 0 ? nowMs + delayMs : 0,
      mayExpireMs: untilMs,
      untilMs,
      holder: undefined,
      seq: 0,
      heldSinceMs: 0,
      enteredMs: undefined,
      mayHaveTimedOut: false,
      isSure,
      isBack: false,
      backAtFlush: 0,
      aheadAtFlush: this.wasAble ? this.oracle.flushes : -2,
      wasPurged: false,
      wasDelayed: false,
      isLoose: delayMs > 0,
      isLost: false,
      isKept: false,
      keptAttempt: 1,
      isPastDisk: !this.oracle.holdsDisk,
      isSettledPastDisk: false,
      before: undefined,
      whenKept: undefined,
    };
    if (delayMs > 0) this.hasReturned = true;
    this.accepted++;
    this.restore(entry);
    return entry;
  }

  /** How often a message has come, for all one knows: one that is sent again may be taken again. */
  timesTaken(uid: number): number {
    return this.#taken.get(uid) ?? 0;
  }

  /** It waits here: it was just taken, or is on disk. */
  restore(entry: Entry): void {
    if (!entry.isSure) this.unsure++;
    this.bytes += entry.message.bytes.length;
    this.entries.add(entry);
    const { uid } = entry.message;
    this.#taken.set(uid, this.timesTaken(uid) + 1);
    const same = this.#byUid.get(uid);
    if (same === undefined) this.#byUid.set(uid, [entry]);
    else same.push(entry);
    this.#order = Math.max(this.#order, entry.order + 1);
  }

  doubt(entry: Entry): void {
    if (!entry.isSure) return;
    entry.isSure = false;
    this.unsure++;
  }

  /** It is known now that the queue has it, unless that was settled meanwhile. */
  assure(entry: Entry): void {
    if (entry.isSure || !this.entries.has(entry)) return;
    entry.isSure = entry.isKept = true;
    this.unsure--;
  }

  settle(entry: Entry): void {
    if (!this.entries.delete(entry)) return;
    if (!entry.isSure) this.unsure--;
    this.bytes -= entry.message.bytes.length;
    const { uid } = entry.message;
    const left = this.#byUid.get(uid)!.filter((other) => other !== entry);
    if (left.length === 0) this.#byUid.delete(uid);
    else this.#byUid.set(uid, left);
    this.settled.set(uid, entry);
  }

  // ── What goes out ─────────────────────────────────────────────────────────────────────────────────────────────────

  delivered(member: MemberView, frame: Read, buf: Buffer, seq: number, attempt: number, nowMs: number): void {
    const { uid } = frame;
    const what = (): string => `client ${member.peer.id}, subscription ${member.sid}: ${uid}`;
    if (member.isOver) throw this.violation(`${what()} came after its end was confirmed`);
    for (const other of this.members) other.lapse(nowMs);
    const entry = this.#find(uid, attempt);
    if (entry === undefined) {
      const why = this.settled.has(uid) ? "is settled" : "was never taken, or dropped";
      throw this.violation(`${what()} came, which ${why}`);
    }
    const isSame = buf.compare(entry.message.bytes, 0, entry.message.bytes.length, frame.start, frame.end) === 0;
    if (!isSame) throw this.violation(`${what()} came with other bytes than were sent`);
    if (entry.message.isRefused) throw this.violation(`${what()} came, which was refused`);
    entry.message.isTaken = true;
    if (entry.holder !== undefined) this.#timedOut(entry, what);
    if (attempt < entry.least || attempt > entry.most) {
      const due = entry.least === entry.most ? `${entry.least}` : `${entry.least} to ${entry.most}`;
      throw this.violation(`${what()} came as attempt ${attempt}, and is due as ${due}`);
    }
    if (entry.notBeforeMs > nowMs) throw this.violation(`${what()} came ${entry.notBeforeMs - nowMs} ms too early`);
    const isDirect = !member.peer.wasBlocked;
    if (isDirect && entry.untilMs <= this.#handedMs(entry.message, nowMs)) {
      throw this.violation(`${what()} came ${nowMs - entry.untilMs} ms too late`);
    }
    if (this.options.partitionBy !== undefined && isDirect) this.#checkKey(entry, member, what);
    const foremost = this.#foremost(entry, attempt);
    if (foremost !== undefined) {
      const { order, aheadAtFlush } = foremost;
      this.freshInEvent = Math.max(this.freshInEvent, order);
      if (aheadAtFlush < this.oracle.flushes - 1) this.#behindInEvent = Math.max(this.#behindInEvent, order);
    }
    if (entry.isLost) {
      entry.isLost = false;
      this.lost--;
    }
    if (this.waiting * 2 <= this.options.maxMessages + 2 || this.#isAnyBlocked()) this.heldUp.clear();
    entry.wasPurged = false;
    if (this.oracle.events > this.#purgedAt) this.#cameSincePurge = true;
    entry.least = entry.most = attempt;
    if (!entry.isSure) {
      entry.isSure = true;
      this.unsure--;
    }
    if (!this.options.ack) {
      if (seq !== 0) throw this.violation(`${what()} came with a number, and nobody acknowledges`);
      this.settle(entry);
      this.oracle.settledUnseen(entry, this);
      return;
    }
    if (seq !== member.nextSeq) throw this.violation(`${what()} came as number ${seq}, not ${member.nextSeq}`);
    member.nextSeq++;
    entry.holder = member;
    entry.seq = seq;
    entry.heldSinceMs = nowMs;
    entry.enteredMs = undefined;
    entry.mayHaveTimedOut = false;
    entry.isBack = true;
    member.held.push(entry);
    member.lapse(nowMs);
    const sure = member.held.reduce((sum, { mayHaveTimedOut }) => sum + (mayHaveTimedOut ? 0 : 1), 0);
    if (sure > member.prefetch) throw this.violation(`${what()} came, and ${sure} are unsettled there already`);
  }

  /** When, at the earliest, a message was handed to the connection on which it comes now: its broker may have stood still since. */
  #handedMs({ atMs }: Message, nowMs: number): number {
    return this.#aheadAtFlush === this.oracle.flushes ? Math.max(atMs, this.#aheadMs) : nowMs;
  }

  /** It was written to a connection that ends: settled where nobody acknowledges, and else back, with an attempt more or not. */
  deliveredLast(uid: number): void {
    const entry = this.#byUid.get(uid)?.find(({ holder }) => holder === undefined);
    if (entry === undefined) return;
    if (!this.options.ack) {
      this.settle(entry);
      this.oracle.settledUnseen(entry, this);
      return;
    }
    entry.most++;
    entry.isBack = entry.isLoose = this.hasReturned = true;
    if (!this.isLast(entry)) return;
    this.doubt(entry);
    this.oracle.deaths.maybe(this, entry);
  }

  /** Of those that `entry`, which comes, may be, the first in the queue; undefined where one has no place among those that come anew. */
  #foremost(entry: Entry, attempt: number): Entry | undefined {
    const same = this.#byUid.get(entry.message.uid)!.filter((it) => it === entry || fits(it, attempt));
    if (same.some((it) => it.isBack || isLoose(it))) return undefined;
    return same.reduce((first, it) => (it.order < first.order ? it : first));
  }

  /** Which of those with this number it is: there are several where a publisher had to send again. */
  #find(uid: number, attempt: number): Entry | undefined {
    const entries = this.#byUid.get(uid);
    if (entries === undefined || entries.length === 1) return entries?.[0];
    // They stand in the order of their places, in which they come. What was dropped does not, and what may not be there is not missed.
    const fitting = entries.filter((entry) => fits(entry, attempt));
    const there = fitting.filter(({ isLost }) => !isLost);
    return (
      there.find(({ isSure }) => isSure) ??
      there[0] ??
      fitting[0] ??
      entries.find(({ holder }) => holder === undefined) ??
      entries[0]
    );
  }

  #timedOut(entry: Entry, what: () => string): void {
    if (!entry.mayHaveTimedOut) {
      const { id } = entry.holder!.peer;
      throw this.violation(`${what()} came, which client ${id} has and works on`);
    }
    entry.holder!.take(entry);
    this.failed(entry, 0);
    if (entry.holder === undefined && !this.entries.has(entry)) throw this.violation(`${what()} came, which is dead`);
  }

  #checkKey(entry: Entry, member: MemberView, what: () => string): void {
    const key = this.keyOf(entry.message);
    if (key === undefined) return;
    for (const other of this.members) {
      if (other === member || other.isGone) continue;
      for (const held of other.held) {
        if (held.mayHaveTimedOut || this.keyOf(held.message) !== key) continue;
        throw this.violation(`${what()} came, and client ${other.peer.id} holds ${held.message.uid} of the same key`);
      }
    }
    if (isLoose(entry) || this.options.overflow !== "block" || this.#isAnyBlocked()) return;
    for (const before of this.entries) {
      if (before.order >= entry.order) break;
      const isWaiting = before.holder === undefined && before.isSure && !isLoose(before) && !before.isBack;
      if (!isWaiting || before.mayExpireMs < Number.POSITIVE_INFINITY || this.keyOf(before.message) !== key) continue;
      // Of one that was taken twice it can't be told which of them came.
      if (this.timesTaken(before.message.uid) > 1 || this.timesTaken(entry.message.uid) > 1) continue;
      throw this.violation(`${what()} came, and ${before.message.uid} of the same key waits in front of it`);
    }
  }

  keyOf({ topic, key }: Pick<Message, "topic" | "key">): string | undefined {
    const { partitionBy } = this.options;
    if (partitionBy === undefined) return undefined;
    return partitionBy === "key" ? key : topic.split(".")[Number(partitionBy) - 1];
  }

  get hasLiveMember(): boolean {
    for (const { isLive } of this.members) if (isLive) return true;
    return false;
  }

  #isAnyAble(): boolean {
    for (const { isUnable } of this.members) if (!isUnable) return true;
    return false;
  }

  #isAnyBlocked(): boolean {
    if (this.#isParting) return true;
    for (const member of this.members) if (member.peer.wasBlocked) return true;
    return false;
  }

  gapTold(lost: number): void {
    this.#untoldPurged = Math.max(0, this.#untoldPurged - lost);
    this.gapTotal += lost;
    for (const member of this.members) member.lapse(this.oracle.nowMs);
    if (this.gapTotal > this.mayDrop) {
      throw this.violation(`GAPs tell of ${this.gapTotal}, and ${this.mayDrop} were dropped at the most`);
    }
  }

  /** At the end of an event in which something came: nothing that should have come first waits. */
  checkOrder(flushes: number, nowMs: number): void {
    if (this.#untoldPurged > 0 && this.#cameSincePurge && !this.#isAnyBlocked()) {
      throw this.violation(
        `${this.#untoldPurged} were dropped when it was emptied, and what came then came without a GAP`,
      );
    }
    const last = this.freshInEvent;
    const lastBehind = this.#behindInEvent;
    if (last < 0) return;
    this.freshInEvent = this.#behindInEvent = -1;
    const { overflow, partitionBy } = this.options;
    if (partitionBy !== undefined || overflow === "latest" || this.#isAnyBlocked()) return;
    for (const entry of this.entries) {
      if (entry.order >= last) break;
      if (entry.holder !== undefined || isLoose(entry) || entry.isLost) continue;
      if (entry.mayExpireMs <= nowMs || !entry.isSure) continue;
      // What was handed out in the middle of a turn, to make room, may be ahead of what came back later in it.
      if (entry.isBack && entry.backAtFlush >= (entry.order < lastBehind ? flushes : flushes - 1)) continue;
      if (overflow !== "block" && this.lost < this.mayDrop) {
        entry.isLost = true;
        this.lost++;
        continue;
      }
      throw this.violation(`message ${entry.message.uid} waits in front, and one behind it was delivered`);
    }
  }

  /** After each event: whoever can take something gets what waits, at the end of the turn and not at some later time. */
  checkServed(nowMs: number): void {
    const entry = this.#waitsInVain(nowMs);
    if (entry === undefined || entry !== this.#neglected) {
      this.#neglected = entry;
      this.#neglectedSinceMs = nowMs;
      return;
    }
    const forMs = nowMs - this.#neglectedSinceMs;
    if (forMs <= this.oracle.world.slackMs) return;
    throw this.violation(
      `message ${entry.message.uid} waits for ${forMs} ms, and there is a member that could have it`,
    );
  }

  #waitsInVain(nowMs: number): Entry | undefined {
    const { overflow, ack, durable, partitionBy } = this.options;
    if (this.waiting <= 0 || overflow !== "block" || this.isRemoved || this.#isVague || this.#isAnyBlocked())
      return undefined;
    if (durable && this.oracle.world.isClosing()) return undefined;
    // Where nobody acknowledges, a key stays with its member, able or not.
    if (partitionBy !== undefined && !ack) return undefined;
    if (!this.#isAnyAble()) return undefined;
    let taken: Set<string | undefined> | undefined;
    if (partitionBy !== undefined) {
      taken = new Set();
      for (const { held } of this.members) for (const { message } of held) taken.add(this.keyOf(message));
      taken.delete(undefined);
    }
    for (const entry of this.entries) {
      if (entry.holder !== undefined || !entry.isSure || isLoose(entry) || entry.isLost) continue;
      if (entry.notBeforeMs > nowMs || entry.mayExpireMs <= nowMs) continue;
      if (taken === undefined || taken.size === 0 || !taken.has(this.keyOf(entry.message))) return entry;
    }
    return undefined;
  }

  // ── What becomes of it ────────────────────────────────────────────────────────────────────────────────────────────

  acknowledged(member: MemberView, first: number, last: number, verdict: number, delayMs: number, nowMs: number): void {
    member.lapse(nowMs);
    for (const entry of Array.from(member.held)) {
      if (entry.seq < first || entry.seq > last) continue;
      if (verdict === 3) {
        if (!entry.mayHaveTimedOut && member.worksOn(entry)) entry.enteredMs = nowMs;
        continue;
      }
      member.peer.connection.onAcknowledged?.(entry.message.uid, verdict);
      const inDoubt = entry.mayHaveTimedOut;
      member.take(entry);
      if (inDoubt) this.#inDoubt(entry, verdict, delayMs);
      else if (verdict === 0) {
        this.settle(entry);
        this.oracle.settledUnseen(entry, this);
      } else if (verdict === 2) this.#die(entry, false);
      else this.failed(entry, delayMs);
    }
    member.lapse(nowMs);
  }

  /** It was settled, unless it had timed out just before. */
  #inDoubt(entry: Entry, verdict: number, delayMs: number): void {
    entry.mayHaveTimedOut = false;
    entry.most++;
    entry.least = verdict === 1 ? entry.least + 1 : entry.least;
    if (entry.least > entry.most) entry.most = entry.least;
    entry.isLoose = true;
    // Given back for later, it waits until then, and counts in the limit, also where a member has room.
    if (verdict === 1 && delayMs > 0) entry.wasDelayed = true;
    this.hasReturned = true;
    this.doubt(entry);
    if (verdict === 2 || this.isLast(entry)) this.oracle.deaths.maybe(this, entry);
  }

  isLast(entry: Entry): boolean {
    return this.options.maxAttempts > 0 && entry.most > this.options.maxAttempts;
  }

  /** An attempt has failed. */
  failed(entry: Entry, delayMs: number): void {
    const { maxAttempts } = this.options;
    const wasInDoubt = entry.mayHaveTimedOut;
    entry.mayHaveTimedOut = false;
    if (maxAttempts > 0 && entry.least >= maxAttempts) return this.#die(entry, wasInDoubt);
    if (maxAttempts > 0 && entry.most >= maxAttempts) this.doubt(entry);
    entry.least++;
    entry.most++;
    this.oracle.attemptFailed(entry, this);
    if (delayMs > 0) {
      entry.notBeforeMs = this.oracle.nowMs + delayMs;
      entry.isLoose = entry.wasDelayed = true;
    }
    this.back(entry);
  }

  /** It may be back: nobody has told. */
  mayBeBack(entry: Entry): void {
    if (entry.mayHaveTimedOut) return;
    entry.mayHaveTimedOut = true;
    // A newer one of its topic may wait, which takes its place.
    if (this.options.overflow !== "latest") return;
    this.mayDrop++;
    this.doubt(entry);
  }

  back(entry: Entry): void {
    this.hasReturned = true;
    entry.holder = undefined;
    entry.isBack = true;
    entry.backAtFlush = this.oracle.flushes;
    entry.mayHaveTimedOut = false;
    // Only the newest of a topic waits again.
    if (this.options.overflow === "latest") {
      this.mayDrop++;
      this.doubt(entry);
    }
  }

  /** @param mayBeLater whether that is known later than it happened: who listened then is not known. */
  #die(entry: Entry, mayBeLater: boolean): void {
    this.settle(entry);
    this.oracle.deaths.died(this, entry, mayBeLater);
  }

  /** `member` goes: its connection ended, or what it was told to be is over. */
  gone(member: MemberView): void {
    if (member.isGone) return;
    const { nowMs } = this.oracle;
    member.lapse(nowMs);
    const wasBlocked = !member.peer.isIdle;
    const mayReturn = this.#mayBeOnItsWayTo(member);
    const held = Array.from(member.held);
    const works = held.map((entry) => member.worksOn(entry));
    held.forEach((entry, i) => {
      const mayWork = entry.enteredMs !== undefined;
      member.take(entry);
      if (works[i]!) return this.failed(entry, 0);
      if (mayWork) {
        entry.most++;
        if (this.isLast(entry)) {
          this.doubt(entry);
          this.oracle.deaths.maybe(this, entry);
        }
      }
      this.back(entry);
    });
    member.isGone = true;
    this.members.delete(member);
    if (!wasBlocked) return;
    // What was on its way there is back in front; of a topic that has a newer one waiting, it is dropped.
    this.hasReturned = true;
    for (const entry of this.entries) if (entry.holder === undefined) entry.isLoose = true;
    if (this.options.overflow === "latest") this.mayDrop += mayReturn;
  }

  /** How many messages may have been handed to `member` that are not written to their end: as many as it had room for. */
  #mayBeOnItsWayTo(member: MemberView): number {
    let room = Number.POSITIVE_INFINITY;
    if (this.options.ack) {
      room = member.prefetch;
      for (const { mayHaveTimedOut } of member.held) if (!mayHaveTimedOut) room--;
    }
    let unheld = 0;
    for (const { holder } of this.entries) if (holder === undefined) unheld++;
    return Math.min(room, unheld);
  }

  /** All that waits is about to be dropped. What is on its way to a member is not. */
  purge(): void {
    // What is on its way, or was handed out in this turn, is not dropped.
    const { overflow, partitionBy } = this.options;
    const isCertain =
      overflow === "block" && partitionBy === undefined && !this.oracle.isTurnOpen && !this.#isAnyBlocked();
    this.heldUp.clear();
    this.wasPurged = true;
    this.hasReturned = true;
    for (const member of this.members) member.lapse(this.oracle.nowMs);
    for (const entry of this.entries) {
      if (entry.mayHaveTimedOut) {
        this.mayDrop++;
        this.doubt(entry);
      }
      if (entry.holder !== undefined) continue;
      this.mayDrop++;
      entry.isLoose = true;
      if (entry.isSure && !entry.isLost && entry.mayExpireMs === Number.POSITIVE_INFINITY) {
        entry.wasPurged = true;
        if (isCertain) this.#untoldPurged++;
      }
      this.doubt(entry);
    }
    this.#purgedAt = this.oracle.events;
    this.#cameSincePurge = false;
  }

  /**
   * Who came in this event and found nobody there, the last of them: where the queue ended with those before, it is another from then on.
   */
  get mayBeBegunBy(): MemberView | undefined {
    const before: MemberView[] = [];
    let last: MemberView | undefined;
    for (const member of this.members) {
      const isAlone = before.every((it) => it.hasLeftBefore(member));
      if (isAlone && member.joinedAt === this.oracle.events) last = member;
      before.push(member);
    }
    return last;
  }

  /** `member` is of this queue, and not of the one that ended right before. */
  adopt(member: MemberView): void {
    member.queue = this;
    this.members.add(member);
  }

  /** Whether something waits, or may, that came back: beyond the limit. */
  get mayHaveReturned(): boolean {
    for (const member of this.members) {
      member.lapse(this.oracle.nowMs);
      if (member.held.some((entry) => entry.mayHaveTimedOut)) this.hasReturned = true;
    }
    return this.hasReturned;
  }

  get nextOrder(): number {
    return this.#order;
  }

  // ── From one broker to the next ───────────────────────────────────────────────────────────────────────────────────

  /** The broker has died, and `member` with it: nothing of that is on disk. */
  crashed(member: MemberView): void {
    member.lapse(this.oracle.nowMs);
    for (const entry of Array.from(member.held)) {
      if (entry.mayHaveTimedOut) entry.most++;
      member.take(entry);
    }
    member.isGone = true;
    this.members.delete(member);
  }

  /** The broker has taken `member` out. */
  dismissed(member: MemberView): void {
    member.lapse(this.oracle.nowMs);
    for (const entry of Array.from(member.held)) {
      if (entry.mayHaveTimedOut) {
        entry.most++;
        if (this.isLast(entry)) this.doubt(entry);
      }
      member.take(entry);
      this.back(entry);
    }
    member.isGone = true;
    this.members.delete(member);
  }

  /** What the next broker may find, and how sure that is. `isOrderly`: all of it was written before the end. */
  survivors(isOrderly: boolean): Entry[] {
    const found: Entry[] = [];
    const { maxAttempts, ack } = this.options;
    for (const entry of this.entries) {
      if (entry.isLost && isOrderly) continue;
      const mayBeDead = maxAttempts > 0 && entry.most > maxAttempts;
      const isThere = entry.isSure && !entry.isLost && this.mayDrop === 0;
      const isSure = isThere && ((isOrderly && !entry.isPastDisk) || entry.isKept);
      const least = isOrderly || !ack ? entry.least : Math.min(entry.keptAttempt, entry.least);
      found.push({
        ...entry,
        ...RECOVERED,
        before: isThere && !isSure && !mayBeDead ? entry : undefined,
        isSure: isSure && !mayBeDead,
        least,
        isLoose: !isSure || entry.wasDelayed,
        isKept: isSure,
        notBeforeMs: entry.delayedUntilMs,
      });
    }
    for (const entry of this.unkept) {
      if (isOrderly && !entry.isSettledPastDisk) continue;
      found.push({
        ...entry,
        ...RECOVERED,
        isSure: false,
        isLoose: true,
        isKept: false,
        least: entry.keptAttempt,
        notBeforeMs: entry.delayedUntilMs,
      });
    }
    return found.sort((a, b) => a.order - b.order);
  }

  /** The run is over, and all has come that comes. */
  checkDrained(): void {
    const { nowMs } = this.oracle;
    const isServed = [...this.members].some((member) => member.isLive && !member.isHeld && !member.peer.isLeaving);
    if (!isServed || this.#isVague) return;
    for (const member of this.members) member.lapse(nowMs);
    let left = 0;
    let vague = 0;
    let first = -1;
    for (const entry of this.entries) {
      if (entry.isLost) continue;
      const mayBeDead = entry.mayHaveTimedOut && this.options.maxAttempts > 0 && entry.most >= this.options.maxAttempts;
      if (!entry.isSure || entry.mayExpireMs <= nowMs || entry.message.isRefused || mayBeDead) vague++;
      else if (left++ === 0) first = entry.message.uid;
    }
    if (this.wasPurged) {
      let purged = 0;
      for (const entry of this.entries) if (entry.wasPurged) purged++;
      if (purged <= this.gapTotal || this.options.overflow !== "block") return;
      throw this.violation(`${purged} were dropped when it was emptied, and GAPs tell of ${this.gapTotal}`);
    }
    const lost = this.lost + left;
    if (lost > this.gapTotal || (this.mayDrop < Number.POSITIVE_INFINITY && lost + vague < this.gapTotal)) {
      throw this.violation(`${lost} never came, ${first} the first of them, and GAPs tell of ${this.gapTotal}`);
    }
  }

  violation(what: string): Violation {
    return new Violation(`queue ${this.name}, ${this.options.overflow}: ${what}`);
  }
}

const RECOVERED = {
  holder: undefined,
  seq: 0,
  heldSinceMs: 0,
  enteredMs: undefined,
  mayHaveTimedOut: false,
  isBack: true,
  backAtFlush: -1,
  isLost: false,
  isPastDisk: false,
  isSettledPastDisk: false,
  wasPurged: false,
  before: undefined,
  whenKept: undefined,
} as const;

/** Whether it can come as that attempt: it waits, or may have timed out. */
function fits({ holder, mayHaveTimedOut, least, most }: Entry, attempt: number): boolean {
  if (holder === undefined) return attempt >= least && attempt <= most;
  return mayHaveTimedOut && attempt > least && attempt <= most + 1;
}

function isLoose(entry: Entry): boolean {
  return entry.isLoose || entry.message.isLoose;
}

// A named queue: its members share the messages, each goes to one of them. Messages wait in the queue, not with a member, until
// a member can take them; a slow one so gets less, not a window of stale work.
//
//   published ─► outbox ─────────────┐
//   came back ─► returned (in front) ┼─► members, in turn ─► settled, dead, or back
//   delayMs   ─► delayed, then there ┘

import { bytesOfAll, type PooledChunk } from "./chunks.ts";
import type { Core } from "./core.ts";
import type { Counters, Counts } from "./counters.ts";
import { publishDead } from "./dead-letter.ts";
import { Delayed } from "./delayed.ts";
import { LatestOutbox } from "./latest.ts";
import type { Member } from "./member.ts";
import { Outbox, type OutboxOwner, type RangeSink } from "./outbox.ts";
import { Partitions } from "./partitions.ts";
import type { Peer } from "./peer.ts";
import type { QueueHeaders } from "./queue-headers.ts";
import type { QueueLog } from "./queue-log.ts";
import type { QueueOptions } from "./queue-options.ts";
import { RecentIds } from "./recent-ids.ts";
import { Returned } from "./returned.ts";
import { Run } from "./run.ts";
import { topicOf } from "./topic-of.ts";

/** What a member is handed at once at the most, in bytes: enough for a write, little enough to leave some to the others. */
const SHARE_BYTES = 64 * 1024;

const NOTHING = { messages: 0, bytes: 0 };

export type DeathReason = "attempts" | "rejected" | "expired";

export class Queue implements OutboxOwner {
  readonly name: string;
  readonly pattern: string;
  readonly options: QueueOptions;
  readonly outbox: Outbox;
  readonly members: Member[] = [];
  readonly #core: Core;
  readonly #returned = new Returned();
  readonly #delayed: Delayed;
  readonly #partitions: Partitions | undefined;
  readonly #recentIds = new RecentIds((id) => this.#log?.forgetId(id));
  /** Its part of the disk, where it is durable. */
  readonly #log: QueueLog | undefined;
  /** Until when those may be delivered that have a time to live, by their order. */
  readonly #expiries = new Map<number, number>();
  /** Messages lost in front of all that waits. */
  #lost = 0;
  #next = 0;
  #isEnded = false;

  constructor(core: Core, name: string, pattern: string, options: QueueOptions, log?: QueueLog) {
    this.#core = core;
    this.name = name;
    this.pattern = pattern;
    this.options = options;
    this.#log = log;
    this.outbox = new (options.overflow === "latest" ? LatestOutbox : Outbox)(this, core.chunks, options);
    this.outbox.heedsHeaders = true;
    if (options.partitionBy !== undefined) this.#partitions = new Partitions(options.partitionBy, options.ack);
    this.#delayed = new Delayed(core.deadlines, (run) => this.#return(run));
  }

  get why(): string {
    return `queue ${this.name}`;
  }

  isServedBy(peer: Peer): boolean {
    return this.members.some((member) => member.peer === peer);
  }

  receivers(): readonly Member[] {
    return this.members;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Where it is counted what became of its messages: with the broker once it has ended. */
  get counters(): Counters {
    return this.#isEnded ? this.#core.past : this.outbox.counters;
  }

  nowMs(): number {
    return this.#core.nowMs();
  }

  newRun(chunk: PooledChunk, start: number, end: number, count: number, order: number): Run {
    return Run.of(this.#core.chunks, chunk, start, end, count, order);
  }

  /** When the one came that waits in front; undefined where none waits. */
  get oldestSinceMs(): number | undefined {
    return this.#returned.first?.sinceMs ?? this.outbox.oldestSinceMs;
  }

  counts(): Counts {
    return this.outbox.counts();
  }

  /** Bytes of the chunks that its messages keep, waiting or with a member, each once. Costs a look at each run. */
  get heldBytes(): number {
    return bytesOfAll(this.chunks());
  }

  // ── Members ───────────────────────────────────────────────────────────────────────────────────────────────────────

  join(member: Member): void {
    this.members.push(member);
    member.peer.queues.add(this);
    this.supplyLater();
  }

  leave(member: Member): void {
    this.members.splice(this.members.indexOf(member), 1);
    // Behind what it had not settled, which came back before: both are in the order of publication.
    for (const run of this.#partitions?.forget(member) ?? []) this.#return(run);
    if (!this.isServedBy(member.peer)) member.peer.queues.delete(this);
    this.supplyLater();
  }

  // ── What comes in ─────────────────────────────────────────────────────────────────────────────────────────────────

  isNew(id: string): boolean {
    if (this.options.dedupeMs === 0 || !this.#recentIds.has(id, this.#core.nowMs())) return true;
    this.#log?.knewId();
    return false;
  }

  remember(id: string): void {
    const { dedupeMs } = this.options;
    if (dedupeMs === 0) return;
    const now = this.#core.nowMs();
    this.#recentIds.add(id, now, now + dedupeMs);
    this.#log?.tookId(id, this.#core.wallMs(now + dedupeMs));
  }

  take(chunk: PooledChunk, start: number, end: number, { ttlMs, delayMs }: QueueHeaders): void {
    const now = this.#core.nowMs();
    const order = this.outbox.nextOrder;
    const isDelayed = delayMs !== undefined && delayMs > 0;
    if (ttlMs !== undefined) this.#expiries.set(order, now + ttlMs);
    if (ttlMs !== undefined || isDelayed) this.#logTimes(order, now + (delayMs ?? 0));
    if (!isDelayed) {
      if (this.outbox instanceof LatestOutbox) this.#replaceReturned(topicOf(chunk.buf, start, end));
      return this.outbox.push(chunk, start, end);
    }
    this.outbox.makeRoom();
    this.persist();
    this.outbox.acceptElsewhere();
    this.outbox.skipFresh();
    this.#log?.append(chunk, start, end, 1, order);
    this.#delayed.add(this.newRun(chunk, start, end, 1, order), now + delayMs);
    this.#countOthers();
  }

  /** The message with this place is not delivered before `notBeforeMs`, nor after its time to live: so that it is kept. */
  #logTimes(order: number, notBeforeMs: number): void {
    const notAfterMs = this.#expiries.get(order) ?? Infinity;
    this.#log?.times(order, this.#core.wallMs(notBeforeMs), this.#core.wallMs(notAfterMs));
  }

  /** Gathers what came this turn for the disk. Before any of it is handed out, so that the disk hears of it first. */
  persist(): void {
    if (this.#log !== undefined) this.outbox.fresh(this.#toLog);
  }

  readonly #toLog: RangeSink = {
    range: (chunk, start, end, count, order) => this.#log?.append(chunk, start, end, count, order),
    gap: () => {},
  };

  touch(): void {
    this.#core.touched(this.outbox);
    if (this.#log !== undefined) this.#core.persistLater(this);
    this.supplyLater();
  }

  relieve(): void {
    this.supplyMembers();
  }

  drained(): void {
    this.#core.flow.drained(this.outbox);
  }

  dropOldest(): boolean {
    const parked = this.#partitions?.oldestOrder ?? Infinity;
    const isParked = parked < (this.#returned.first?.order ?? Infinity);
    let run = isParked ? this.#partitions?.takeOldest() : this.#returned.take(1);
    if (run === undefined && this.outbox.messages > 0) {
      this.persist();
      this.replaced(this.outbox.dropOldest());
      return true;
    }
    run ??= this.#delayed.takeOldest();
    if (run === undefined) return false;
    this.#drop(run);
    this.#lost++;
    this.#countOthers();
    return true;
  }

  replaced(order: number): void {
    if (this.#expiries.size > 0) this.#expiries.delete(order);
    this.#log?.settle(order, 1);
  }

  disconnect(): void {
    throw new Error("a queue has no overflow policy disconnect");
  }

  // ── What goes out ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether nothing waits that could be delivered now. */
  get isEmpty(): boolean {
    return this.outbox.empty && this.#returned.messages === 0 && this.#lost === 0;
  }

  /** Whether something waits that a member may have once it has room. */
  get hasWaiting(): boolean {
    return !this.isEmpty || (this.#partitions?.messages ?? 0) > 0;
  }

  /** Whether something waits that a member could take now. */
  get canSupply(): boolean {
    if (this.#isKeptForNext) return false;
    return this.members.some(
      (member) => member.room > 0 && (!this.isEmpty || this.#partitions?.hasParked(member) === true),
    );
  }

  /** Whether the broker is ending and what waits here is on its disk: then the next broker hands it out. */
  get #isKeptForNext(): boolean {
    return this.#log !== undefined && this.#core.isClosing;
  }

  /** At the end of the turn. */
  supplyLater(): void {
    this.#core.distribute(this);
  }

  /** Hands out what waits, an equal share at a time, to the members in turn, as long as one of them can take it. */
  supplyMembers(): void {
    this.persist();
    if (this.#isKeptForNext) return;
    if (this.#partitions !== undefined) this.#supplyParked(this.#partitions);
    while (!this.isEmpty) {
      const able = this.members.filter((member) => member.room > 0);
      if (able.length === 0) return;
      const waiting = this.outbox.messages + this.#returned.messages;
      if (this.#partitions === undefined) this.#supply(this.#pick(able), Math.ceil(waiting / able.length));
      else this.#supplyOne(able, this.#partitions);
    }
  }

  /** In a partitioned queue: what was put aside for members that had no room. */
  #supplyParked(partitions: Partitions): void {
    if (partitions.messages > 0 && this.#returned.messages > 0) this.#parkReturned(partitions);
    for (const member of this.members) {
      while (member.room > 0) {
        const run = partitions.unpark(member);
        if (run === undefined) {
          if (partitions.adopt(member)) continue;
          break;
        }
        if (this.#expire(run)) {
          this.#releaseKey(run);
          continue;
        }
        this.#core.dirty(member.peer);
        member.deliver(run);
      }
    }
    this.#countOthers();
  }

  /** What came back of keys of which something is put aside goes in order with that: no member had room when it was its turn. */
  #parkReturned(partitions: Partitions): void {
    const isParked = ({ key }: Run): boolean => key !== undefined && partitions.isParked(key);
    for (const run of this.#returned.takeIf(isParked)) partitions.park(run.key!, run);
  }

  /** In a partitioned queue: the next message, to the member that has its key. */
  #supplyOne(able: readonly Member[], partitions: Partitions): void {
    const run = this.takeOne();
    this.#tellLost(able[0]!);
    if (run === undefined || this.#expire(run)) return;
    const key = this.#keyOf(run);
    const owner = key === undefined ? undefined : partitions.ownerOf(key);
    if (key !== undefined && owner !== undefined && (owner.room === 0 || partitions.isParked(key))) {
      partitions.park(key, run);
      this.#countOthers();
      return;
    }
    const member = owner ?? this.#pick(able);
    if (key !== undefined) partitions.hold(key, member);
    this.#core.dirty(member.peer);
    member.deliver(run);
  }

  /** In a partitioned queue: the key of a single message. */
  #keyOf(run: Run): string | undefined {
    return (run.key ??= this.#partitions?.keyOf(run.chunk, run.start, run.end));
  }

  /** The one that holds least, in turn among equals: who settles sooner gets more. */
  #pick(able: readonly Member[]): Member {
    const turn = this.#next++ % able.length;
    let best = able[turn]!;
    for (let i = 1; i < able.length; i++) {
      const member = able[(turn + i) % able.length]!;
      if (member.unsettledMessages < best.unsettledMessages) best = member;
    }
    return best;
  }

  #supply(member: Member, share: number): void {
    this.#core.dirty(member.peer);
    this.#tellLost(member);
    const most = Math.min(share, member.room);
    const isTimed = this.#expiries.size > 0;
    if (this.#returned.messages > 0) {
      const run = this.#returned.take(isTimed ? 1 : most)!;
      this.#countOthers();
      if (!this.#expire(run)) member.deliver(run);
    } else if (isTimed && this.outbox.messages > 0) {
      const run = this.takeOne()!;
      this.#tellLost(member);
      if (!this.#expire(run)) member.deliver(run);
    } else {
      member.peer.link.deliverSome(member, this.outbox, most, SHARE_BYTES);
    }
  }

  /** Tells `member` of what was lost in front of all that waits. */
  #tellLost(member: Member): void {
    if (this.#lost === 0) return;
    this.#core.dirty(member.peer);
    member.peer.link.gapFor(member, this.#lost);
    this.#lost = 0;
  }

  /** Takes a single message out of the outbox, to look at it before it is delivered. */
  readonly #one: RangeSink & { run: Run | undefined } = {
    run: undefined,
    range: (chunk, start, end, count, order) => {
      this.#one.run = this.newRun(chunk, start, end, count, order);
    },
    gap: (lost) => {
      this.#lost += lost;
    },
  };

  // ── What becomes of it ────────────────────────────────────────────────────────────────────────────────────────────

  /** Messages were written to a member that does not acknowledge, and are counted. */
  settled(order: number, count: number): void {
    this.#log?.settle(order, count);
  }

  /** `run` is acknowledged. */
  done(run: Run): void {
    this.#releaseKey(run);
    this.counters.inFlight -= run.count;
    this.counters.settled += run.count;
    this.#forget(run);
  }

  /** `run` was not settled, through no fault of its own: in front of what waits again. */
  giveBack(run: Run): void {
    this.#releaseKey(run);
    this.counters.inFlight -= run.count;
    this.#return(run);
  }

  /** An attempt at `run` failed. It is delivered again, after `delayMs`, or dead. */
  failed(run: Run, delayMs: number): void {
    const { maxAttempts } = this.options;
    if (maxAttempts > 0 && run.attempt >= maxAttempts) return this.dead(run, "attempts");
    this.#releaseKey(run);
    this.counters.inFlight -= run.count;
    run.attempt++;
    run.wasDelivered = true;
    for (let i = 0; i < run.count; i++) this.#log?.attempts(run.order + i, run.attempt);
    if (delayMs === 0) return this.#return(run);
    const untilMs = this.#core.nowMs() + delayMs;
    for (let i = 0; i < run.count; i++) this.#logTimes(run.order + i, untilMs);
    this.#delayed.add(run.compacted(this.#core.chunks), untilMs);
    this.#countOthers();
  }

  /** `run`, which a member had, will not be delivered again. */
  dead(run: Run, reason: DeathReason): void {
    this.#releaseKey(run);
    this.counters.inFlight -= run.count;
    this.counters.dead += run.count;
    this.#bury(run, reason);
  }

  /** Whether `run`, a single message that waited, has outlived its time; it is then counted, and gone. */
  #expire(run: Run): boolean {
    const untilMs = this.#expiries.get(run.order);
    if (untilMs === undefined || untilMs > this.#core.nowMs()) return false;
    this.counters.expired += run.count;
    this.#bury(run, "expired");
    return true;
  }

  /** A member no longer holds `run`. */
  #releaseKey({ key }: Run): void {
    if (key !== undefined) this.#partitions?.release(key);
  }

  #bury(run: Run, reason: DeathReason): void {
    publishDead(this.#core, this, run, reason);
    this.#forget(run);
  }

  #return(run: Run): void {
    if (this.#isEnded) {
      this.#drop(run);
      return;
    }
    const key = run.count === 1 ? this.#keyOf(run) : undefined;
    if (this.outbox instanceof LatestOutbox) this.#returnLatest(run, this.outbox);
    // In front of those of its key that came later, and are put aside.
    else if (key !== undefined && this.#partitions?.isParked(key)) this.#partitions.park(key, run);
    else this.#returned.add(run.compacted(this.#core.chunks));
    this.#countOthers();
    this.outbox.touch();
  }

  /** Of what comes back, only that waits again of whose topic nothing newer does. */
  #returnLatest(run: Run, outbox: LatestOutbox): void {
    while (run.count > 0) {
      const one = run.count > 1 ? run.cut(1) : run;
      const topic = topicOf(one.chunk.buf, one.start, one.end);
      const isOld =
        (outbox.orderOf(topic) ?? -1) > one.order ||
        this.#returned.some((it) => it.order > one.order && isOf(it, topic));
      if (isOld) {
        this.#drop(one);
        this.#lost++;
      } else {
        outbox.dropOf(topic);
        this.#replaceReturned(topic);
        this.#returned.add(one.compacted(this.#core.chunks));
      }
      if (one === run) break;
    }
  }

  /** Something newer of `topic` is going to wait: what came back of it goes. */
  #replaceReturned(topic: string): void {
    if (this.#returned.messages === 0) return;
    for (const run of this.#returned.takeIf((it) => isOf(it, topic))) {
      this.#drop(run);
      this.#lost++;
    }
    this.#countOthers();
  }

  #drop(run: Run): void {
    this.counters.dropped += run.count;
    this.#forget(run);
  }

  /** `run` has left the queue for good. */
  #forget(run: Run): void {
    if (this.#expiries.size > 0) this.#expiries.delete(run.order);
    this.#log?.settle(run.order, run.count);
    run.chunk.release();
  }

  #countOthers(): void {
    const parked = this.#partitions ?? NOTHING;
    const messages = this.#returned.messages + this.#delayed.messages + parked.messages;
    this.outbox.countOthers(messages, this.#returned.bytes + this.#delayed.bytes + parked.bytes);
    if (this.outbox.awaited && this.outbox.halfEmpty) this.drained();
  }

  // ── Administration and the end ────────────────────────────────────────────────────────────────────────────────────

  /** Drops all that waits. Returns how many messages that were. */
  purge(): number {
    this.persist();
    this.outbox.eachRange((order, count) => this.#log?.settle(order, count));
    this.#lost += this.outbox.untold;
    let dropped = this.outbox.clear();
    this.counters.dropped += dropped;
    for (const run of [...this.#returned.drain(), ...this.#delayed.drain(), ...(this.#partitions?.drain() ?? [])]) {
      dropped += run.count;
      this.#drop(run);
    }
    this.#expiries.clear();
    this.#lost += dropped;
    this.#countOthers();
    if (!this.#isEnded) this.supplyLater();
    return dropped;
  }

  /** Takes out the first message that waits to be delivered, to look at it. */
  takeOne(): Run | undefined {
    let run = this.#returned.take(1);
    if (run === undefined && !this.outbox.empty) {
      this.persist();
      this.#one.run = undefined;
      this.outbox.takeMessages(1, Number.POSITIVE_INFINITY, this.#one);
      run = this.#one.run;
    }
    this.#countOthers();
    return run;
  }

  /** What {@link takeOne} took waits again, where it was. */
  putBack(run: Run): void {
    this.#return(run);
  }

  /** What {@link takeOne} took has become a new message elsewhere: here it is done. */
  replayed(run: Run): void {
    this.counters.settled += run.count;
    this.#forget(run);
  }

  /** Its options have changed. */
  optionsChanged(): void {
    this.outbox.limit(this.options);
    this.#log?.describe(this.name, this.pattern, this.options);
    if (this.outbox.awaited && (this.outbox.halfEmpty || this.options.overflow !== "block")) this.drained();
    for (const member of this.members) member.optionsChanged();
  }

  /** It ends: what waits is dropped. Returns how many messages that were. */
  end(): number {
    const dropped = this.purge();
    this.drained();
    this.#core.pressure.forget(this.outbox);
    this.#core.past.add(this.outbox.counters);
    this.#isEnded = true;
    this.#recentIds.clear();
    this.#log?.end();
    return dropped;
  }

  // ── From an earlier life ──────────────────────────────────────────────────────────────────────────────────────────

  /** Messages that were on disk: they wait again, in front of all that comes. */
  recall(run: Run, attempt: number | undefined, times: { notBeforeMs: number; notAfterMs: number } | undefined): void {
    const now = this.#core.nowMs();
    this.outbox.counters.accepted += run.count;
    if (attempt !== undefined) run.attempt = attempt;
    if (times !== undefined && times.notAfterMs !== Infinity) {
      this.#expiries.set(run.order, this.#core.fromWallMs(times.notAfterMs));
    }
    const notBeforeMs = times === undefined ? 0 : this.#core.fromWallMs(times.notBeforeMs);
    if (notBeforeMs > now) this.#delayed.add(run, notBeforeMs);
    else if (this.outbox instanceof LatestOutbox) this.#returnLatest(run, this.outbox);
    else this.#returned.add(run);
  }

  /** A message id that was taken, and is known until `untilWallMs`. */
  recallId(id: string, untilWallMs: number): void {
    this.#recentIds.add(id, this.#core.nowMs(), this.#core.fromWallMs(untilWallMs));
  }

  /** All that was on disk is there again. */
  recovered(nextOrder: number): void {
    this.outbox.setNextOrder(nextOrder);
    this.#countOthers();
  }

  /** Counts what waits, and what members hold to settle, anew, by walking it. */
  recount(): { waiting: number; inFlight: number } {
    let waiting = this.outbox.recount().messages;
    for (const run of this.#aside()) waiting += run.recount();
    const inFlight = this.members.reduce((sum, member) => sum + member.recount(), 0);
    return { waiting, inFlight };
  }

  /** The chunks that its messages keep, some of them more than once. */
  *chunks(): Iterable<PooledChunk> {
    yield* this.outbox.chunks();
    for (const run of this.#aside()) yield run.chunk;
    for (const member of this.members) yield* member.chunks();
  }

  /** What waits outside the outbox. */
  *#aside(): Iterable<Run> {
    yield* this.#returned;
    yield* this.#delayed;
    yield* this.#partitions ?? [];
  }
}

/** Whether the one message of `run` is of `topic`. */
function isOf({ chunk, start, end }: Run, topic: string): boolean {
  return topicOf(chunk.buf, start, end) === topic;
}

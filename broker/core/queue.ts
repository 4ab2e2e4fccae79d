// A named queue: its members share the messages, each goes to one of them. Messages wait in the queue, not with a member, until
// a member can take them; a slow one so gets less, not a window of stale work.
//
//   published ─► outbox ─────────────┐
//   came back ─► returned (in front) ┼─► members, in turn ─► settled, dead, or back
//   delayMs   ─► delayed, then there ┘
//                queue-waiting.ts        queue-supply.ts     queue-fate.ts
//
// Here is what it is, who its members are, what it takes, and how it ends.

import { bytesOfAll, type PooledChunk } from "./chunks.ts";
import type { Core } from "./core.ts";
import type { Counters, Counts } from "./counters.ts";
import { LatestOutbox } from "./latest.ts";
import type { Member } from "./member.ts";
import type { Outbox, OutboxOwner, RangeSink } from "./outbox.ts";
import type { Peer } from "./peer.ts";
import { QueueFate } from "./queue-fate.ts";
import type { QueueHeaders } from "./queue-headers.ts";
import type { QueueLog } from "./queue-log.ts";
import type { QueueOptions } from "./queue-options.ts";
import { newestOfEach, queueOutbox, takeAll } from "./queue-outbox.ts";
import { QueueSupply } from "./queue-supply.ts";
import { QueueWaiting } from "./queue-waiting.ts";
import { RecentIds } from "./recent-ids.ts";
import { Run } from "./run.ts";
import { topicOf } from "./topic-of.ts";

export class Queue implements OutboxOwner {
  readonly name: string;
  readonly pattern: string;
  readonly options: QueueOptions;
  /** Another one where its policy comes to be `latest`, or no longer is. */
  outbox: Outbox;
  readonly members: Member[] = [];
  readonly supply: QueueSupply;
  readonly fate: QueueFate;
  readonly #core: Core;
  readonly #waiting: QueueWaiting;
  readonly #recentIds = new RecentIds((id) => this.#log?.forgetId(id));
  /** Its part of the disk, where it is durable. */
  readonly #log: QueueLog | undefined;
  #isEnded = false;

  constructor(core: Core, name: string, pattern: string, options: QueueOptions, log?: QueueLog) {
    this.#core = core;
    this.name = name;
    this.pattern = pattern;
    this.options = options;
    this.#log = log;
    this.outbox = queueOutbox(this, core.chunks, options);
    this.#waiting = new QueueWaiting(core, options, (run) => this.fate.return(run));
    this.fate = new QueueFate(core, this, this.#waiting, log);
    this.supply = new QueueSupply(core, this, this.#waiting, this.fate);
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

  /** Whether the broker is ending and what waits here is on its disk: then the next broker hands it out. */
  get isKeptForNext(): boolean {
    return this.#log !== undefined && this.#core.isClosing;
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

  // ── Members ───────────────────────────────────────────────────────────────────────────────────────────────────────

  join(member: Member): void {
    this.members.push(member);
    member.peer.queues.add(this);
    this.supplyLater();
  }

  leave(member: Member): void {
    this.members.splice(this.members.indexOf(member), 1);
    // Behind what it had not settled, which came back before: both are in the order of publication.
    for (const run of this.#waiting.partitions?.forget(member) ?? []) this.fate.return(run);
    if (!this.isServedBy(member.peer)) member.peer.queues.delete(this);
    this.supplyLater();
  }

  /** At the end of the turn. */
  supplyLater(): void {
    this.#core.distribute(this);
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
    if (ttlMs !== undefined) this.#waiting.expiries.set(order, now + ttlMs);
    if (ttlMs !== undefined || isDelayed) this.fate.logTimes(order, isDelayed ? now + delayMs : undefined);
    if (!isDelayed) {
      if (this.outbox instanceof LatestOutbox) this.fate.replaceReturned(topicOf(chunk.buf, start, end));
      return this.outbox.push(chunk, start, end);
    }
    this.outbox.makeRoom();
    this.persist();
    this.outbox.acceptElsewhere();
    this.outbox.skipFresh();
    this.#log?.append(chunk, start, end, 1, order);
    this.#waiting.delayed.add(this.newRun(chunk, start, end, 1, order), now + delayMs);
    this.countOthers();
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
    if (this.supply.isPossible) this.supply.run();
  }

  drained(): void {
    this.#core.flow.drained(this.outbox);
  }

  dropOldest(): boolean {
    let run = this.#waiting.takeOldest();
    if (run === undefined && this.outbox.messages > 0) {
      this.replaced(this.outbox.dropOldest());
      return true;
    }
    run ??= this.#waiting.delayed.takeOldest();
    if (run === undefined) return false;
    this.fate.drop(run);
    this.#waiting.lost++;
    this.countOthers();
    return true;
  }

  /** `messages`, which are counted as dropped, are to be told to a member: in front of all that waits. */
  lost(messages: number): void {
    if (this.#isEnded) return;
    this.#waiting.lost += messages;
    this.supplyLater();
  }

  replaced(order: number): void {
    this.#waiting.forgetTimes(order, 1);
    this.#log?.settle(order, 1);
  }

  disconnect(): void {
    throw new Error("a queue has no overflow policy disconnect");
  }

  /** What waits outside the outbox has changed. */
  countOthers(): void {
    this.outbox.countOthers(this.#waiting.messages, this.#waiting.bytes);
    if (this.outbox.awaited && this.outbox.halfEmpty) this.drained();
  }

  // ── Administration and the end ────────────────────────────────────────────────────────────────────────────────────

  /** Drops all that waits. Returns how many messages that were. */
  purge(): number {
    this.persist();
    // What members hold keeps its time to live.
    this.outbox.eachRange((order, count) => {
      this.#waiting.forgetTimes(order, count);
      this.#log?.settle(order, count);
    });
    this.#waiting.lost += this.outbox.untold;
    let dropped = this.outbox.clear();
    this.counters.dropped += dropped;
    for (const run of this.#waiting.drain()) {
      dropped += run.count;
      this.fate.drop(run);
    }
    this.#waiting.lost += dropped;
    this.countOthers();
    if (!this.#isEnded) this.supplyLater();
    return dropped;
  }

  /** Its options have changed. */
  optionsChanged(): void {
    if ((this.options.overflow === "latest") !== this.outbox instanceof LatestOutbox) this.#replaceOutbox();
    this.outbox.limit(this.options);
    this.#log?.describe(this.name, this.pattern, this.options);
    if (this.outbox.awaited && (this.outbox.halfEmpty || this.options.overflow !== "block")) this.drained();
    for (const member of this.members) member.optionsChanged();
  }

  /** What waits moves in front of what comes to the outbox of the new policy; for `latest`, of each topic the newest. */
  #replaceOutbox(): void {
    const core = this.#core;
    const old = this.outbox;
    this.persist();
    this.drained(); // who waited for it may go on: the new one says when it is full
    const { runs, lost } = takeAll(old, core.chunks);
    core.outboxes.remove(this.pattern, old);
    core.pressure.forget(old);
    this.outbox = queueOutbox(this, core.chunks, this.options);
    this.outbox.succeed(old);
    core.outboxes.add(this.pattern, this.outbox);
    core.routes.changed();
    const { newest, replaced } =
      this.options.overflow === "latest"
        ? newestOfEach([...this.#waiting.returned.drain(), ...runs])
        : { newest: runs, replaced: [] };
    for (const run of replaced) this.fate.drop(run);
    for (const run of newest) this.#waiting.returned.add(run.compacted(core.chunks));
    this.#waiting.lost += lost + replaced.length;
    this.countOthers();
    this.supplyLater();
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
    this.outbox.counters.accepted += run.count;
    if (attempt !== undefined) run.attempt = attempt;
    if (times !== undefined && times.notAfterMs !== Infinity) {
      this.#waiting.expiries.set(run.order, this.#core.fromWallMs(times.notAfterMs));
    }
    const notBeforeMs = times === undefined ? 0 : this.#core.fromWallMs(times.notBeforeMs);
    if (notBeforeMs > this.#core.nowMs()) this.#waiting.delayed.add(run, notBeforeMs);
    else this.fate.recall(run);
  }

  /** A message id that was taken, and is known until `untilWallMs`. */
  recallId(id: string, untilWallMs: number): void {
    this.#recentIds.add(id, this.#core.nowMs(), this.#core.fromWallMs(untilWallMs));
  }

  /** All that was on disk is there again. */
  recovered(nextOrder: number): void {
    this.outbox.setNextOrder(nextOrder);
    this.countOthers();
  }

  // ── The books ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** When the one came that waits in front; undefined where none waits. */
  get oldestSinceMs(): number | undefined {
    return this.#waiting.returned.first?.sinceMs ?? this.outbox.oldestSinceMs;
  }

  counts(): Counts {
    return this.outbox.counts();
  }

  /** Bytes of the chunks that its messages keep, waiting or with a member, each once. Costs a look at each run. */
  get heldBytes(): number {
    return bytesOfAll(this.chunks());
  }

  /** The chunks that its messages keep, some of them more than once. */
  *chunks(): Iterable<PooledChunk> {
    yield* this.outbox.chunks();
    for (const { chunk } of this.#waiting) yield chunk;
    for (const member of this.members) yield* member.chunks();
  }

  /** Counts what waits, and what members hold to settle, anew, by walking it. */
  recount(): { waiting: number; inFlight: number } {
    let waiting = this.outbox.recount().messages;
    for (const run of this.#waiting) waiting += run.recount();
    const inFlight = this.members.reduce((sum, member) => sum + member.recount(), 0);
    return { waiting, inFlight };
  }
}

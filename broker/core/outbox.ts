// The queue of one receiver, a subscription or a named queue, as ranges of the chunks that its messages were read into.
//
//   ring of segments    chunk A            chunk B
//   ┌─────────┐         ┌───────────────┐  ┌───────────────┐
//   │ segment ├────────►│  ▓▓▓▓▓▓▓▓▓▓   │  │               │   one segment: consecutive frames, however many
//   │ segment ├─────────┼───────────────┼─►│▓▓▓▓           │
//   └─────────┘         └───────────────┘  └───────────────┘
//
// Cost of a message that follows the one before it in its chunk: a comparison and four additions. Ranges that wait and are small
// beside the chunk they pin are copied into chunks of the outbox's own (`compact`).

import type { ChunkPool, PooledChunk } from "./chunks.ts";
import { Counters, type Counts } from "./counters.ts";
import { countFrames, frameEnd } from "./frames.ts";
import type { QueueHeaders } from "./queue-headers.ts";

/** Consecutive frames in one chunk. Reused: a ring slot is a segment for good. */
class Segment {
  chunk: PooledChunk | undefined;
  start = 0;
  end = 0;
  count = 0;
  /** The place of its first message among all that the outbox took. */
  order = 0;
  /** When the first of them came. */
  sinceMs = 0;
  /** Messages that were dropped right before this segment. */
  lost = 0;
}

/** Takes what leaves an outbox, range by range, in order. */
export interface RangeSink {
  /**
   * `count` frames in `chunk.buf[start … end)`, the first of them the `order`-th that was taken. The sink retains the chunk where
   * it keeps the range.
   */
  range(chunk: PooledChunk, start: number, end: number, count: number, order: number): void;
  /** `lost` messages were dropped at this point. */
  gap(lost: number): void;
}

/** What becomes of a message that finds the outbox full. */
export type Overflow = "block" | "drop-oldest" | "drop-newest" | "latest" | "disconnect";

export interface OutboxLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly overflow: Overflow;
}

/** Who an outbox belongs to. */
export interface OutboxOwner {
  /** Something was put into an outbox that held nothing new since its owner last looked. */
  touch(): void;
  /** The outbox is full: deliver what can be delivered at once, so that full means full. */
  relieve(): void;
  /** It has drained to half: whoever waits for that may go on. */
  drained(): void;
  /** Drops the message that has waited longest. False where none waits. */
  dropOldest(): boolean;
  /** The message with this place was replaced by a newer one of its topic. */
  replaced(order: number): void;
  /** Closes the subscriber that let its outbox fill. */
  disconnect(): void;
  /** Whether a message with this `id` header has not been taken lately. Asked where the outbox heeds headers. */
  isNew(id: string): boolean;
  /** A message with this `id` header is taken. */
  remember(id: string): void;
  /** Bytes of the chunks that it keeps in all, here and elsewhere, each once and in full. Costs a look at each run. */
  readonly heldBytes: number;
  /** Takes a message with headers that it heeds. */
  take(chunk: PooledChunk, start: number, end: number, headers: QueueHeaders): void;
}

const EMPTY: Segment = new Segment();
/**
 * What a turn may put on top of the limit where it is kept to at the turn's end: the 64 KiB that it takes in, and as much to be looked
 * ahead.
 */
const MAX_EXCESS_BYTES = 128 * 1024;
const NO_PRESSURE = { mostMessages: Number.POSITIVE_INFINITY, mostBytes: Number.POSITIVE_INFINITY };
const FULL = { mostMessages: 0, mostBytes: Number.POSITIVE_INFINITY };
const FIRST_OWN_BYTES = 1024;
const MAX_OWN_BYTES = 64 * 1024;

export class Outbox {
  readonly owner: OutboxOwner;
  readonly counters: Counters = new Counters();
  protected readonly pool: ChunkPool;
  /** Its length is a power of two, or 0. */
  #ring: Segment[] = [];
  #head = 0;
  #length = 0;
  #tail: Segment = EMPTY;
  /** Segments at the end of the ring that compact() has not looked at. */
  #fresh = 0;
  /** The chunk that small ranges are copied into, and how much of it is used. */
  #own: PooledChunk | undefined;
  #ownUsed = 0;
  #lost = 0;
  messages = 0;
  /** Bytes of the frames that wait. */
  bytes = 0;
  overflow: Overflow;
  /** Whether its owner looks at the headers of what it takes: queues do. */
  heedsHeaders = false;
  /** Where {@link nextOrder} began. */
  #orderBase = 0;
  /** The place of the first that {@link fresh} has not handed out. */
  #freshOrder = 0;
  #limits: OutboxLimits;
  /** What it may hold while the broker's memory is short. */
  #pressure = NO_PRESSURE;
  /** Messages and bytes that wait elsewhere, and count in the limit: those of a queue that came back or are delayed. */
  #otherMessages = 0;
  #otherBytes = 0;
  readonly #trimsLate: boolean;
  /** Until the turn's end, what comes is put on top of the limit. */
  #isPutOff = false;
  /** Of the message that came last: by so much the limit in bytes may be passed. */
  #lastBytes = 0;
  /** What is left of the limit for those that wait here: full is when one of them is reached. */
  protected mostMessages = 0;
  protected mostBytes = 0;
  /** Set by push, cleared by the owner when it looks. */
  touched = false;
  /** Whether publishers wait for it to drain to half. */
  awaited = false;
  isPressed = false;

  /**
   * @param trimsLate with `drop-oldest`: what is too much, and can't be handed on, goes at the end of the turn, or before something is
   * handed on ({@link trim}), in whole segments where it can, instead of message by message. What is left is the same.
   */
  constructor(owner: OutboxOwner, pool: ChunkPool, limits: OutboxLimits, trimsLate = false) {
    this.owner = owner;
    this.pool = pool;
    this.#trimsLate = trimsLate && limits.overflow === "drop-oldest";
    this.#limits = limits;
    this.overflow = limits.overflow;
    this.limit(limits);
  }

  /** Sets the limit anew. */
  limit(limits: OutboxLimits): void {
    this.#limits = limits;
    this.overflow = limits.overflow;
    if (this.isPressed) this.#pressure = FULL;
    this.countOthers(this.#otherMessages, this.#otherBytes);
  }

  /** Tells what waits elsewhere, and counts in the limit. */
  countOthers(messages: number, bytes: number): void {
    this.#otherMessages = messages;
    this.#otherBytes = bytes;
    const { maxMessages, maxBytes } = this.#limits;
    const { mostMessages, mostBytes } = this.#pressure;
    this.mostMessages = Math.min(maxMessages, mostMessages) - messages;
    this.mostBytes = Math.min(maxBytes, mostBytes) - bytes;
    if (!this.#isPutOff || this.isPressed) return;
    this.mostMessages = Number.POSITIVE_INFINITY;
    this.mostBytes += MAX_EXCESS_BYTES;
  }

  /**
   * It is full, and nothing of it can be handed on: what comes is put on top of the limit until {@link trim}, where it trims late.
   * Not before: what could be handed on must not be dropped because others have taken the room meanwhile.
   */
  putOff(): void {
    if (this.#trimsLate) this.#putOff(true);
  }

  /** Drops what came on top of the limit, down to what it would be had each message made room for itself. */
  trim(): void {
    if (!this.#isPutOff) return;
    this.#putOff(false);
    if (this.isPressed) return;
    const { maxMessages, maxBytes } = this.#limits;
    // The message that came last was added to what was not full.
    const mostBytes = maxBytes - 1 + this.#lastBytes;
    while (this.messages > maxMessages || this.bytes > mostBytes) {
      const { start, end, count } = this.#ring[this.#head]!;
      const isWhole = this.messages - count >= maxMessages || this.bytes - (end - start) >= mostBytes;
      this.#drop(isWhole ? count : 1, isWhole ? end : undefined);
    }
  }

  #putOff(isPutOff: boolean): void {
    this.#isPutOff = isPutOff;
    this.countOthers(this.#otherMessages, this.#otherBytes);
  }

  /** Whether its policy makes room by dropping what has waited longest. */
  get dropsOldest(): boolean {
    return this.overflow === "drop-oldest" || this.overflow === "latest";
  }

  /** While the broker's memory is short, the heaviest outboxes count as full whatever they hold. */
  press(isPressed: boolean): void {
    this.trim();
    this.isPressed = isPressed;
    this.#pressure = isPressed ? FULL : NO_PRESSURE;
    this.countOthers(this.#otherMessages, this.#otherBytes);
  }

  /** What is pressed and drops what is old may have as much as it has now, and no more: what comes takes the place of what goes. */
  keepToThis(): void {
    const mostMessages = Math.max(1, this.messages + this.#otherMessages);
    this.#pressure = { mostMessages, mostBytes: Math.max(1, this.bytes + this.#otherBytes) };
    this.countOthers(this.#otherMessages, this.#otherBytes);
  }

  /** Whether the limit is reached. For `latest`, whose outbox never just adds, it always is. */
  get full(): boolean {
    return this.messages >= this.mostMessages || this.bytes >= this.mostBytes;
  }

  /** Whether it has drained to half, in messages and in bytes. */
  get halfEmpty(): boolean {
    const { maxMessages, maxBytes } = this.#limits;
    return (this.messages + this.#otherMessages) * 2 <= maxMessages && (this.bytes + this.#otherBytes) * 2 <= maxBytes;
  }

  /** The place that the next message has among all that came. */
  get nextOrder(): number {
    return this.#orderBase + this.counters.accepted;
  }

  /** Has the next message take `order` as its place: behind those that were taken in an earlier life. */
  setNextOrder(order: number): void {
    this.#orderBase = order - this.counters.accepted;
    this.#freshOrder = order;
  }

  /** Goes on where `other`, which holds nothing any more, left off: with its counters, and behind all that it took. */
  succeed(other: Outbox): void {
    this.counters.add(other.counters);
    this.setNextOrder(other.nextOrder);
  }

  /** Where a policy sees to the limit by itself, whatever comes: drops what has to go for one more that will wait elsewhere. */
  makeRoom(): void {}

  /** Adds the frame `chunk.buf[start … end)` at the end. */
  push(chunk: PooledChunk, start: number, end: number): void {
    this.extend(chunk, start, end, 1, end - start);
  }

  /** Whether the next `bytes`, in at most so many messages, can be added without reaching the limit. */
  hasRoomFor(messages: number, bytes: number): boolean {
    return !this.full && this.messages + messages < this.mostMessages && this.bytes + bytes < this.mostBytes;
  }

  /** Adds `count` consecutive frames, the last of them of `lastBytes`: as {@link push} of each. */
  extend(chunk: PooledChunk, start: number, end: number, count: number, lastBytes: number): void {
    const tail = this.#tail;
    if (tail.end === start && tail.chunk === chunk) {
      tail.end = end;
      tail.count += count;
    } else {
      this.#append(chunk, start, end, count);
    }
    this.messages += count;
    this.bytes += end - start;
    this.#lastBytes = lastBytes;
    this.counters.accepted += count;
    this.touch();
  }

  /** A message for this receiver was dropped instead of added. */
  lose(): void {
    this.counters.accepted++;
    this.counters.dropped++;
    this.lost(1);
  }

  /** `messages` that would come next are lost; they are counted already. */
  lost(messages: number): void {
    this.#lost += messages;
    this.#tail = EMPTY; // what comes next must not join the segment before the gap
    this.touch();
  }

  /** Counts a message as taken that waits elsewhere. Returns its place. */
  acceptElsewhere(): number {
    this.#tail = EMPTY;
    const order = this.nextOrder;
    this.counters.accepted++;
    return order;
  }

  /** Tells the owner, once a turn, that it has something. */
  touch(): void {
    if (this.touched) return;
    this.touched = true;
    this.owner.touch();
  }

  /** Hands those that came since the last call to `sink`, run by run, without taking them. */
  fresh(sink: RangeSink): void {
    const mask = this.#ring.length - 1;
    let index = this.#length;
    while (index > 0 && endOrder(this.#ring[(this.#head + index - 1) & mask]!) > this.#freshOrder) index--;
    for (; index < this.#length; index++) {
      const segment = this.#ring[(this.#head + index) & mask]!;
      const skipped = Math.max(0, this.#freshOrder - segment.order);
      let { start } = segment;
      for (let i = 0; i < skipped; i++) start = frameEnd(segment.chunk!.buf, start, segment.end);
      sink.range(segment.chunk!, start, segment.end, segment.count - skipped, segment.order + skipped);
    }
    this.#freshOrder = this.nextOrder;
  }

  /** {@link fresh} passes over what has been taken so far. */
  skipFresh(): void {
    this.#freshOrder = this.nextOrder;
  }

  /** The places of those that wait here. */
  eachRange(visit: (order: number, count: number) => void): void {
    for (let i = 0; i < this.#length; i++) {
      const { order, count } = this.#ring[(this.#head + i) & (this.#ring.length - 1)]!;
      visit(order, count);
    }
  }

  /** Drops the message that has waited longest, and returns its place. Something must be waiting. */
  dropOldest(): number {
    const { order } = this.#ring[this.#head]!;
    this.#drop(1);
    return order;
  }

  /** Messages that were dropped, and of which no GAP has told. */
  get untold(): number {
    let lost = this.#lost;
    for (let i = 0; i < this.#length; i++) lost += this.#ring[(this.#head + i) & (this.#ring.length - 1)]!.lost;
    return lost;
  }

  /** The counters, with what waits. */
  counts(): Counts {
    return { ...this.counters, waiting: this.messages + this.#otherMessages };
  }

  /** Adds {@link counts} to `sum`, without a copy. */
  addTo(sum: Counters): void {
    sum.add(this.counters, this.messages + this.#otherMessages);
  }

  /** When the message came that has waited longest, to the run; undefined where none waits. */
  get oldestSinceMs(): number | undefined {
    return this.#length > 0 ? this.#ring[this.#head]!.sinceMs : undefined;
  }

  /** Whether nothing waits, not even a gap to be told. */
  get empty(): boolean {
    return this.messages === 0 && this.#lost === 0;
  }

  /** Hands whole segments to `sink` until it has had `maxBytes`, or all. Returns the messages handed over. */
  takeBytes(maxBytes: number, sink: RangeSink): number {
    let messages = 0;
    let taken = 0;
    while (this.#length > 0 && taken < maxBytes) {
      const segment = this.#ring[this.#head]!;
      if (segment.lost > 0) sink.gap(segment.lost);
      taken += segment.end - segment.start;
      messages += segment.count;
      sink.range(segment.chunk!, segment.start, segment.end, segment.count, segment.order);
      this.#shift(segment);
    }
    this.#took(messages, taken, sink);
    return messages;
  }

  /** Hands at most `maxMessages` messages to `sink`, and none that begins behind `maxBytes`. Returns how many. */
  takeMessages(maxMessages: number, maxBytes: number, sink: RangeSink): number {
    let messages = 0;
    let taken = 0;
    while (this.#length > 0 && messages < maxMessages && taken < maxBytes) {
      const segment = this.#ring[this.#head]!;
      if (segment.lost > 0) {
        sink.gap(segment.lost);
        segment.lost = 0;
      }
      const chunk = segment.chunk!;
      const { start } = segment;
      if (segment.count <= maxMessages - messages && segment.end - start <= maxBytes - taken) {
        taken += segment.end - start;
        messages += segment.count;
        sink.range(chunk, start, segment.end, segment.count, segment.order);
        this.#shift(segment);
        continue;
      }
      let end = start;
      let count = 0;
      do {
        end = frameEnd(chunk.buf, end, segment.end);
        count++;
      } while (count < segment.count && count < maxMessages - messages && end - start < maxBytes - taken);
      taken += end - start;
      messages += count;
      sink.range(chunk, start, end, count, segment.order);
      segment.order += count;
      segment.start = end;
      segment.count -= count;
      if (segment.count === 0) this.#shift(segment);
    }
    this.#took(messages, taken, sink);
    return messages;
  }

  /** Lets go of all that waits. Returns how many messages that were; the caller says what became of them. */
  clear(): number {
    const { messages } = this;
    while (this.#length > 0) this.#shift(this.#ring[this.#head]!);
    this.messages = 0;
    this.bytes = 0;
    this.#lost = 0;
    return messages;
  }

  /** Copies those of the newest segments that are small beside the chunk they keep. Called where they are going to wait. */
  compact(): void {
    const mask = this.#ring.length - 1;
    if (this.#fresh === 0) return;
    let kept = this.#length - this.#fresh;
    for (let i = kept; i < this.#length; i++) {
      const segment = this.#ring[(this.#head + i) & mask]!;
      const bytes = segment.end - segment.start;
      const before = kept > 0 ? this.#ring[(this.#head + kept - 1) & mask]! : EMPTY;
      const from = segment.chunk!;
      // One chunk that many hold is less than a copy for each of them.
      if (from !== this.#own && bytes * 2 * Math.max(1, from.owners - 1) < from.buf.length) {
        this.#copyToOwn(segment, bytes);
        from.release();
      }
      if (isContinued(before, segment)) {
        before.end = segment.end;
        before.count += segment.count;
        segment.chunk!.release();
        segment.chunk = undefined;
      } else {
        if (kept !== i) this.#swap((this.#head + kept) & mask, (this.#head + i) & mask);
        kept++;
      }
    }
    this.#length = kept;
    this.#fresh = 0;
    // What comes next must not join a segment that it does not follow: messages were lost, or taken elsewhere, in between.
    const last = this.#last();
    this.#tail = this.#lost > 0 || endOrder(last) !== this.nextOrder ? EMPTY : last;
  }

  /** Counts what waits anew, by walking it: for checks of the books. */
  recount(): { messages: number; bytes: number } {
    let messages = 0;
    let bytes = 0;
    for (let i = 0; i < this.#length; i++) {
      const segment = this.#ring[(this.#head + i) & (this.#ring.length - 1)]!;
      bytes += segment.end - segment.start;
      messages += countFrames(segment.chunk!.buf, segment.start, segment.end);
    }
    return { messages, bytes };
  }

  /** The chunks that it keeps, some of them more than once. */
  *chunks(): Iterable<PooledChunk> {
    for (let i = 0; i < this.#length; i++) yield this.#ring[(this.#head + i) & (this.#ring.length - 1)]!.chunk!;
    if (this.#own !== undefined) yield this.#own;
  }

  #append(chunk: PooledChunk, start: number, end: number, count: number): void {
    if (this.#length === this.#ring.length) this.#grow();
    const segment = this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)]!;
    chunk.retain();
    segment.chunk = chunk;
    segment.start = start;
    segment.end = end;
    segment.count = count;
    segment.order = this.nextOrder;
    segment.sinceMs = this.pool.turnMs;
    segment.lost = this.#lost;
    this.#lost = 0;
    this.#tail = segment;
    this.#length++;
    this.#fresh++;
  }

  /** Drops the first `count` messages of the first segment: those before `end`, or the first one. */
  #drop(count: number, end?: number): void {
    const segment = this.#ring[this.#head]!;
    const at = end ?? frameEnd(segment.chunk!.buf, segment.start, segment.end);
    this.messages -= count;
    this.bytes -= at - segment.start;
    this.counters.dropped += count;
    segment.start = at;
    segment.order += count;
    segment.lost += count;
    segment.count -= count;
    if (segment.count > 0) return;
    const { lost } = segment;
    this.#shift(segment);
    if (this.#length > 0) this.#ring[this.#head]!.lost += lost;
    else this.#lost += lost;
  }

  /** The first segment is gone. */
  #shift(segment: Segment): void {
    const chunk = segment.chunk!;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    if (this.#fresh > this.#length) this.#fresh = this.#length;
    if (this.#length === 0) {
      this.#tail = EMPTY;
      this.#disown();
    }
    segment.chunk = undefined;
    segment.lost = 0;
    chunk.release();
  }

  #took(messages: number, bytes: number, sink: RangeSink): void {
    this.messages -= messages;
    this.bytes -= bytes;
    if (this.#length === 0 && this.#lost > 0) {
      sink.gap(this.#lost);
      this.#lost = 0;
    }
    if (this.awaited && this.halfEmpty) this.owner.drained();
  }

  #copyToOwn(segment: Segment, bytes: number): void {
    let own = this.#own;
    if (own === undefined || own.buf.length - this.#ownUsed < bytes) {
      const size = own === undefined ? FIRST_OWN_BYTES : Math.min(MAX_OWN_BYTES, own.buf.length * 4);
      own?.release();
      own = this.#own = this.pool.take(Math.max(size, bytes));
      this.#ownUsed = 0;
    }
    segment.chunk!.buf.copy(own.buf, this.#ownUsed, segment.start, segment.end);
    own.retain();
    segment.chunk = own;
    segment.start = this.#ownUsed;
    this.#ownUsed += bytes;
    segment.end = this.#ownUsed;
  }

  /** Nothing waits, so nothing needs the chunk for copies. */
  #disown(): void {
    this.#own?.release();
    this.#own = undefined;
    this.#ownUsed = 0;
  }

  #last(): Segment {
    return this.#length > 0 ? this.#ring[(this.#head + this.#length - 1) & (this.#ring.length - 1)]! : EMPTY;
  }

  #swap(a: number, b: number): void {
    const kept = this.#ring[a]!;
    this.#ring[a] = this.#ring[b]!;
    this.#ring[b] = kept;
  }

  #grow(): void {
    const old = this.#ring;
    const length = Math.max(4, old.length * 2);
    this.#ring = Array.from({ length }, (_, i) =>
      i < old.length ? old[(this.#head + i) & (old.length - 1)]! : new Segment(),
    );
    this.#head = 0;
  }
}

function endOrder({ order, count }: Segment): number {
  return order + count;
}

/** Whether the second of two segments goes on where the first ends, so that they can be one. */
function isContinued(first: Segment, second: Segment): boolean {
  return (
    first.chunk === second.chunk &&
    first.end === second.start &&
    first.order + first.count === second.order &&
    second.lost === 0
  );
}

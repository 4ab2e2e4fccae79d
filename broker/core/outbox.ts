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
import { frameEnd } from "./frames.ts";

/** Consecutive frames in one chunk. Reused: a ring slot is a segment for good. */
class Segment {
  chunk: PooledChunk | undefined;
  start = 0;
  end = 0;
  count = 0;
  /** Messages that were dropped right before this segment. */
  lost = 0;
}

/** Takes what leaves an outbox, range by range, in order. */
export interface RangeSink {
  /** `count` frames in `chunk.buf[start … end)`. The sink retains the chunk where it keeps the range. */
  range(chunk: PooledChunk, start: number, end: number, count: number): void;
  /** `lost` messages were dropped at this point. */
  gap(lost: number): void;
}

/** Who an outbox belongs to. */
export interface OutboxOwner {
  /** Something was put into an outbox that held nothing new since its owner last looked. */
  touch(): void;
  /** The outbox is full: deliver what can be delivered at once, so that full means full. */
  relieve(): void;
  /** It has drained to half: whoever waits for that may go on. */
  drained(): void;
}

const EMPTY: Segment = new Segment();
const FIRST_OWN_BYTES = 1024;
const MAX_OWN_BYTES = 64 * 1024;

export class Outbox {
  readonly owner: OutboxOwner;
  readonly counters: Counters = new Counters();
  readonly #pool: ChunkPool;
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
  /** Bytes of the chunks that they keep, each in full. */
  heldBytes = 0;
  maxMessages: number;
  maxBytes: number;
  /** Set by push, cleared by the owner when it looks. */
  touched = false;
  /** Whether publishers wait for it to drain to half. */
  awaited = false;

  constructor(owner: OutboxOwner, pool: ChunkPool, maxMessages: number, maxBytes: number) {
    this.owner = owner;
    this.#pool = pool;
    this.maxMessages = maxMessages;
    this.maxBytes = maxBytes;
  }

  get full(): boolean {
    return this.messages >= this.maxMessages || this.bytes >= this.maxBytes;
  }

  /** Adds the frame `chunk.buf[start … end)` at the end. */
  push(chunk: PooledChunk, start: number, end: number): void {
    const tail = this.#tail;
    if (tail.end === start && tail.chunk === chunk) {
      tail.end = end;
      tail.count++;
    } else {
      this.#append(chunk, start, end, 1);
    }
    this.messages++;
    this.bytes += end - start;
    this.counters.accepted++;
    if (!this.touched) {
      this.touched = true;
      this.owner.touch();
    }
  }

  /** A message for this receiver was dropped instead of added. */
  lose(): void {
    this.#lost++;
    this.#tail = EMPTY; // what comes next must not join the segment before the gap
    this.counters.accepted++;
    this.counters.dropped++;
    if (!this.touched) {
      this.touched = true;
      this.owner.touch();
    }
  }

  /** The counters, with what waits. */
  counts(): Counts {
    return { ...this.counters, waiting: this.messages };
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
      sink.range(segment.chunk!, segment.start, segment.end, segment.count);
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
        sink.range(chunk, start, segment.end, segment.count);
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
      sink.range(chunk, start, end, count);
      segment.start = end;
      segment.count -= count;
      if (segment.count === 0) this.#shift(segment);
    }
    this.#took(messages, taken, sink);
    return messages;
  }

  /** Puts `count` frames back in front of all that waits. They were counted as accepted before. */
  unshift(chunk: PooledChunk, start: number, end: number, count: number): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    const segment = this.#ring[this.#head]!;
    this.#length++;
    if (this.#length === 1) {
      this.#tail = segment;
      this.heldBytes += chunk.buf.length;
    } else if (this.#ring[(this.#head + 1) & (this.#ring.length - 1)]!.chunk !== chunk) {
      this.heldBytes += chunk.buf.length;
    }
    chunk.retain();
    segment.chunk = chunk;
    segment.start = start;
    segment.end = end;
    segment.count = count;
    segment.lost = 0;
    this.messages += count;
    this.bytes += end - start;
    if (!this.touched) {
      this.touched = true;
      this.owner.touch();
    }
  }

  /** Lets go of all that waits. Returns how many messages that were; the caller says what became of them. */
  clear(): number {
    const { messages } = this;
    while (this.#length > 0) this.#shift(this.#ring[this.#head]!);
    this.#disown();
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
    const first = kept;
    this.heldBytes -= this.#heldFrom(first);
    for (let i = kept; i < this.#length; i++) {
      const segment = this.#ring[(this.#head + i) & mask]!;
      const bytes = segment.end - segment.start;
      const before = kept > 0 ? this.#ring[(this.#head + kept - 1) & mask]! : EMPTY;
      if (segment.chunk !== this.#own && bytes * 2 < segment.chunk!.buf.length) {
        const from = segment.chunk!;
        this.#copyToOwn(segment, bytes);
        from.release();
      }
      if (before.chunk === segment.chunk && before.end === segment.start && segment.lost === 0) {
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
    this.#tail = this.#lost > 0 ? EMPTY : this.#last();
    this.heldBytes += this.#heldFrom(first);
  }

  /** Counts what waits anew, by walking it: for checks of the books. */
  recount(): { messages: number; bytes: number } {
    let messages = 0;
    let bytes = 0;
    for (let i = 0; i < this.#length; i++) {
      const segment = this.#ring[(this.#head + i) & (this.#ring.length - 1)]!;
      bytes += segment.end - segment.start;
      for (let at = segment.start; at < segment.end; messages++) at = frameEnd(segment.chunk!.buf, at, segment.end);
    }
    return { messages, bytes };
  }

  #append(chunk: PooledChunk, start: number, end: number, count: number): void {
    if (this.#length === this.#ring.length) this.#grow();
    const segment = this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)]!;
    if (this.#last().chunk !== chunk) this.heldBytes += chunk.buf.length;
    chunk.retain();
    segment.chunk = chunk;
    segment.start = start;
    segment.end = end;
    segment.count = count;
    segment.lost = this.#lost;
    this.#lost = 0;
    this.#tail = segment;
    this.#length++;
    this.#fresh++;
  }

  /** The first segment is gone. */
  #shift(segment: Segment): void {
    const chunk = segment.chunk!;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    if (this.#fresh > this.#length) this.#fresh = this.#length;
    if (this.#length === 0) this.#tail = EMPTY;
    if (this.#length === 0 || this.#ring[this.#head]!.chunk !== chunk) this.heldBytes -= chunk.buf.length;
    segment.chunk = undefined;
    segment.lost = 0;
    chunk.release();
  }

  #took(messages: number, bytes: number, sink: RangeSink): void {
    this.messages -= messages;
    this.bytes -= bytes;
    if (this.#length === 0) {
      this.#disown();
      if (this.#lost > 0) {
        sink.gap(this.#lost);
        this.#lost = 0;
      }
    }
    if (this.awaited && this.messages * 2 <= this.maxMessages && this.bytes * 2 <= this.maxBytes) this.owner.drained();
  }

  #copyToOwn(segment: Segment, bytes: number): void {
    let own = this.#own;
    if (own === undefined || own.buf.length - this.#ownUsed < bytes) {
      const size = own === undefined ? FIRST_OWN_BYTES : Math.min(MAX_OWN_BYTES, own.buf.length * 4);
      own?.release();
      own = this.#own = this.#pool.take(Math.max(size, bytes));
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

  /** Bytes of the chunks that the segments from the `index`-th on keep, and those before it do not. */
  #heldFrom(index: number): number {
    const mask = this.#ring.length - 1;
    let held = 0;
    let chunk = index > 0 ? this.#ring[(this.#head + index - 1) & mask]!.chunk : undefined;
    for (let i = index; i < this.#length; i++) {
      const segment = this.#ring[(this.#head + i) & mask]!;
      if (segment.chunk !== chunk) held += segment.chunk!.buf.length;
      chunk = segment.chunk;
    }
    return held;
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
    const grown = new Array<Segment>(Math.max(4, old.length * 2));
    for (let i = 0; i < grown.length; i++) {
      grown[i] = i < old.length ? old[(this.#head + i) & (old.length - 1)]! : new Segment();
    }
    this.#ring = grown;
    this.#head = 0;
  }
}

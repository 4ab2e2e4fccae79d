// The outbox of the overflow policy `latest`: one message a topic waits, the newest, behind those of topics that changed before it.
// A message costs the same however many it replaces: the entry of its topic moves to the end.

import type { ChunkPool, PooledChunk } from "./chunks.ts";
import { Outbox, type OutboxLimits, type OutboxOwner, type RangeSink } from "./outbox.ts";
import { topicOf } from "./topic-of.ts";

interface Entry {
  chunk: PooledChunk;
  start: number;
  end: number;
  order: number;
  sinceMs: number;
}

export class LatestOutbox extends Outbox {
  /** By topic, in the order in which they last changed: the order of a Map's keys. */
  readonly #entries = new Map<string, Entry>();
  /** Topics whose entries may still keep the chunk that they were read into. */
  readonly #fresh = new Set<string>();
  /** Topics whose entries {@link fresh} has not handed out; kept for queues only. */
  readonly #unseen = new Set<string>();
  #lost = 0;

  /** A message is never just added: it may replace one, whether the limit is reached or not. */
  override get full(): boolean {
    return true;
  }

  override get empty(): boolean {
    return this.messages === 0 && this.#lost === 0;
  }

  override get oldestSinceMs(): number | undefined {
    const [oldest] = this.#entries.values();
    return oldest?.sinceMs;
  }

  override lost(messages: number): void {
    this.#lost += messages;
    this.touch();
  }

  /** The place of the message of `topic` that waits; undefined where none does. */
  orderOf(topic: string): number | undefined {
    return this.#entries.get(topic)?.order;
  }

  /** A newer message of `topic` waits elsewhere: the one that waits here goes, if there is one. */
  dropOf(topic: string): void {
    const entry = this.#entries.get(topic);
    if (entry === undefined) return;
    this.#remove(topic, entry);
    this.#drop();
    this.owner.replaced(entry.order);
  }

  /** {@link put} for those who have no topic at hand: it is read from the frame. */
  override push(chunk: PooledChunk, start: number, end: number): void {
    this.put(topicOf(chunk.buf, start, end), chunk, start, end);
  }

  /** Takes a message in the place of the one of its topic that waits; where none does and it is full, the oldest goes. */
  put(topic: string, chunk: PooledChunk, start: number, end: number): void {
    if (this.#entries.has(topic)) this.dropOf(topic);
    else this.makeRoom();
    chunk.retain();
    this.#entries.set(topic, { chunk, start, end, order: this.nextOrder, sinceMs: this.pool.turnMs });
    this.#fresh.add(topic);
    if (this.heedsHeaders) this.#unseen.add(topic);
    this.messages++;
    this.bytes += end - start;
    this.counters.accepted++;
    this.touch();
  }

  override makeRoom(): void {
    if (!super.full) return;
    this.owner.relieve();
    while (super.full && this.owner.dropOldest());
  }

  override dropOldest(): number {
    for (const [topic, entry] of this.#entries) {
      const { order } = entry;
      this.#remove(topic, entry);
      this.#drop();
      return order;
    }
    throw new Error("nothing waits that could be dropped");
  }

  override fresh(sink: RangeSink): void {
    for (const topic of this.#unseen) {
      const { chunk, start, end, order } = this.#entries.get(topic)!;
      sink.range(chunk, start, end, 1, order);
    }
    this.#unseen.clear();
  }

  override get untold(): number {
    return this.#lost;
  }

  override eachRange(visit: (order: number, count: number) => void): void {
    for (const { order } of this.#entries.values()) visit(order, 1);
  }

  override takeBytes(maxBytes: number, sink: RangeSink): number {
    return this.takeMessages(Number.POSITIVE_INFINITY, maxBytes, sink);
  }

  override takeMessages(maxMessages: number, maxBytes: number, sink: RangeSink): number {
    let messages = 0;
    let taken = 0;
    if (this.#lost > 0) sink.gap(this.#lost);
    this.#lost = 0;
    for (const [topic, entry] of this.#entries) {
      if (messages >= maxMessages || taken >= maxBytes) break;
      sink.range(entry.chunk, entry.start, entry.end, 1, entry.order);
      messages++;
      taken += entry.end - entry.start;
      this.#remove(topic, entry);
    }
    return messages;
  }

  override clear(): number {
    const { messages } = this;
    for (const [topic, entry] of this.#entries) this.#remove(topic, entry);
    this.#lost = 0;
    return messages;
  }

  override compact(): void {
    for (const topic of this.#fresh) {
      const entry = this.#entries.get(topic)!;
      const bytes = entry.end - entry.start;
      if (bytes * 2 >= entry.chunk.buf.length) continue;
      const copy = this.pool.takeExactly(bytes);
      entry.chunk.buf.copy(copy.buf, 0, entry.start, entry.end);
      entry.chunk.release();
      entry.chunk = copy;
      entry.start = 0;
      entry.end = bytes;
    }
    this.#fresh.clear();
  }

  override recount(): { messages: number; bytes: number } {
    let bytes = 0;
    for (const entry of this.#entries.values()) bytes += entry.end - entry.start;
    return { messages: this.#entries.size, bytes };
  }

  override *chunks(): Iterable<PooledChunk> {
    for (const { chunk } of this.#entries.values()) yield chunk;
  }

  #remove(topic: string, entry: Entry): void {
    this.#entries.delete(topic);
    this.#fresh.delete(topic);
    this.#unseen.delete(topic);
    this.messages--;
    this.bytes -= entry.end - entry.start;
    entry.chunk.release();
  }

  #drop(): void {
    this.counters.dropped++;
    this.#lost++;
  }
}

/** An outbox of the kind that the policy in `limits` needs. @param trimsLate see {@link Outbox} */
export function newOutbox(owner: OutboxOwner, pool: ChunkPool, limits: OutboxLimits, trimsLate = false): Outbox {
  return new (limits.overflow === "latest" ? LatestOutbox : Outbox)(owner, pool, limits, trimsLate);
}

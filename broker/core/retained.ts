// The latest value of each topic that has one, as the frame that its publisher sent. Kept in chunks of their own size, so that
// a value never pins what came beside it.

import { matches } from "../../shared/topic.ts";
import type { ChunkPool, PooledChunk } from "./chunks.ts";

export class Retained {
  readonly #values = new Map<string, PooledChunk>();
  readonly #pool: ChunkPool;
  readonly #maxTopics: number;

  constructor(pool: ChunkPool, maxTopics: number) {
    this.#pool = pool;
    this.#maxTopics = maxTopics;
  }

  get size(): number {
    return this.#values.size;
  }

  has(topic: string): boolean {
    return this.#values.has(topic);
  }

  /** Bytes that its value takes; 0 where it has none. */
  bytesOf(topic: string): number {
    return this.#values.get(topic)?.buf.length ?? 0;
  }

  /** The chunks of the values, each once: for checks of the books. */
  chunks(): Iterable<PooledChunk> {
    return this.#values.values();
  }

  /** Keeps a copy of the frame `buf[start … end)`. False where it would be one topic too many. */
  keep(topic: string, buf: Buffer, start: number, end: number): boolean {
    const old = this.#values.get(topic);
    if (old === undefined && this.#values.size >= this.#maxTopics) return false;
    const chunk = this.#pool.takeExactly(end - start);
    buf.copy(chunk.buf, 0, start, end);
    old?.release();
    this.#values.set(topic, chunk);
    return true;
  }

  clear(topic: string): void {
    this.#values.get(topic)?.release();
    this.#values.delete(topic);
  }

  /** The values whose topics match, each a chunk that is the frame and nothing else, in the order in which topics came. */
  *matching(pattern: string): Iterable<PooledChunk> {
    if (!pattern.includes("*") && !pattern.endsWith(">")) {
      const chunk = this.#values.get(pattern);
      if (chunk !== undefined) yield chunk;
      return;
    }
    for (const [topic, chunk] of this.#values) if (matches(pattern, topic)) yield chunk;
  }
}

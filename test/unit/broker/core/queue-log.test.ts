import * as fc from "fast-check";
import { expect, test } from "vitest";

import { ChunkPool } from "../../../../broker/core/chunks.ts";
import type { Durability } from "../../../../broker/core/durability.ts";
import { readOrder, unseal } from "../../../../broker/core/durable-keys.ts";
import { decodeRanges, QueueLog } from "../../../../broker/core/queue-log.ts";
import { Reader } from "./model.ts";

/** Keeps what it is told as a disk would have it. */
class Disk {
  readonly values = new Map<string, Buffer>();

  put(key: string, value: Buffer): void {
    this.values.set(key, value);
  }

  remove(key: string): void {
    this.values.delete(key);
  }

  /** The places of the messages that are on disk and not settled. */
  live(counts: ReadonlyMap<number, number>): number[] {
    const live: number[] = [];
    for (const [key, value] of this.values) {
      if (key[0] !== "m") continue;
      expect(unseal(key, value)).toBeDefined();
      const order = readOrder(key);
      const settledKey = `s${key.slice(1)}`;
      const settled = this.values.get(settledKey);
      const ranges = settled === undefined ? [] : decodeRanges(unseal(settledKey, settled)!);
      for (let i = 0; i < counts.get(order)!; i++) {
        if (!ranges.some(([from, to]) => i >= from && i < to)) live.push(order + i);
      }
    }
    return live.sort((a, b) => a - b);
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant("append" as const), count: fc.integer({ min: 1, max: 9 }), skipped: fc.nat({ max: 2 }) }),
  fc.record({
    do: fc.constant("settle" as const),
    order: fc.nat({ max: 150 }),
    count: fc.integer({ min: 1, max: 12 }),
  }),
  fc.record({ do: fc.constant("note" as const), order: fc.nat({ max: 150 }) }),
);

test("what is on disk and not settled is what a plain set has, in any order of settling, twice and across records", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const disk = new Disk();
      const log = new QueueLog(disk as unknown as Durability, 7);
      const pool = new ChunkPool();
      const plain = new Set<number>();
      const counts = new Map<number, number>();
      let next = 0;
      for (const each of steps) {
        if (each.do === "append") {
          next += each.skipped;
          const reader = new Reader(pool, 4096);
          const read = Array.from({ length: each.count }, (_, i) => reader.read(next + i, 5));
          log.append(read[0]!.chunk, read[0]!.start, read.at(-1)!.end, each.count, next);
          reader.close();
          counts.set(next, each.count);
          for (let i = 0; i < each.count; i++) plain.add(next++);
        } else if (each.do === "settle") {
          log.settle(each.order, each.count);
          for (let i = 0; i < each.count; i++) plain.delete(each.order + i);
        } else if (plain.has(each.order)) {
          log.attempts(each.order, 2);
        }
        expect(disk.live(counts)).toEqual([...plain]);
        for (const key of disk.values.keys()) if (key[0] === "a") expect(plain.has(readOrder(key))).toBe(true);
      }
      log.end();
      expect(disk.values.size).toBe(0);
    }),
  );
});

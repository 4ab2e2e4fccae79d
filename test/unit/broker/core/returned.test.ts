import * as fc from "fast-check";
import { expect, test } from "vitest";

import { ChunkPool } from "../../../../broker/core/chunks.ts";
import { Returned } from "../../../../broker/core/returned.ts";
import { Run } from "../../../../broker/core/run.ts";
import { numbersIn, Reader } from "./model.ts";

const step = fc.oneof(
  fc.record({ do: fc.constant("add" as const), order: fc.nat({ max: 500 }), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant("take" as const), count: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ do: fc.constant("takeIf" as const), remainder: fc.nat({ max: 2 }) }),
);

test("runs come out in the order of publication, whatever the order in which they came, cut where they must be", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const pool = new ChunkPool();
      const returned = new Returned();
      const plain: number[] = [];
      const had = new Set<number>();
      const take = (run: Run): number[] => {
        const numbers = numbersIn(run.chunk.buf, run.start, run.end);
        expect(numbers).toHaveLength(run.count);
        expect(numbers[0]).toBe(run.order);
        run.chunk.release();
        for (const n of numbers) plain.splice(plain.indexOf(n), 1);
        return numbers;
      };
      for (const each of steps) {
        if (each.do === "add") {
          // Each message is there once.
          const numbers = Array.from({ length: each.count }, (_, i) => each.order * 4 + i);
          if (had.has(numbers[0]!)) continue;
          for (const n of numbers) had.add(n);
          const reader = new Reader(pool, 512);
          const read = numbers.map((n) => reader.read(n, 5));
          returned.add(Run.of(pool, read[0]!.chunk, read[0]!.start, read.at(-1)!.end, each.count, numbers[0]!));
          reader.close();
          plain.push(...numbers);
          plain.sort((a, b) => a - b);
        } else if (each.do === "take") {
          const first = returned.first?.order;
          expect(first).toBe(plain[0]);
          const run = returned.take(each.count);
          if (run !== undefined) expect(take(run)[0]).toBe(first);
        } else {
          for (const run of returned.takeIf(({ order }) => order % 3 === each.remainder)) {
            expect(run.order % 3).toBe(each.remainder);
            take(run);
          }
        }
        expect(returned.messages).toBe(plain.length);
        expect([...returned].flatMap((run) => numbersIn(run.chunk.buf, run.start, run.end))).toEqual(plain);
      }
      const rest = [...plain];
      expect([...returned.drain()].flatMap(take)).toEqual(rest);
      expect([returned.messages, returned.bytes, pool.heldBytes]).toEqual([0, 0, 0]);
    }),
  );
});

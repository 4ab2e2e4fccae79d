import * as fc from "fast-check";
import { expect, test } from "vitest";

import { ChunkPool } from "../../../../broker/core/chunks.ts";
import { Run } from "../../../../broker/core/run.ts";
import { Unsettled } from "../../../../broker/core/unsettled.ts";
import { numbersIn, Reader } from "./model.ts";

type Step = { do: "add"; count: number } | { do: "take"; first: number; count: number } | { do: "after"; seq: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("add" as const), count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ do: fc.constant("take" as const), first: fc.nat({ max: 80 }), count: fc.nat({ max: 12 }) }),
  fc.record({ do: fc.constant("after" as const), seq: fc.nat({ max: 80 }) }),
);

test("ranges of any kind are taken as from a plain map, in order, and what is held is counted", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pool = new ChunkPool();
      const unsettled = new Unsettled();
      const plain = new Map<number, number>();
      let nextSeq = 1;
      const release = (runs: readonly Run[]): [number, number][] =>
        runs.flatMap((run) => {
          const numbers = numbersIn(run.chunk.buf, run.start, run.end);
          expect(numbers).toHaveLength(run.count);
          run.chunk.release();
          return numbers.map((n, i): [number, number] => {
            expect(run.order + i).toBe(n);
            return [run.seq + i, n];
          });
        });
      for (const each of steps) {
        if (each.do === "add") {
          const reader = new Reader(pool, 4096);
          const read = Array.from({ length: each.count }, (_, i) => reader.read(nextSeq + i - 1, 5));
          const run = Run.of(pool, read[0]!.chunk, read[0]!.start, read.at(-1)!.end, each.count, nextSeq - 1);
          reader.close();
          run.seq = nextSeq;
          for (let i = 0; i < each.count; i++, nextSeq++) plain.set(nextSeq, nextSeq - 1);
          unsettled.add(run);
        } else if (each.do === "take") {
          const last = each.first + each.count;
          const expected = [...plain].filter(([seq]) => seq >= each.first && seq <= last);
          expect(release(unsettled.take(each.first, last))).toEqual(expected);
          for (const [seq] of expected) plain.delete(seq);
        } else {
          expect(unsettled.after(each.seq)).toBe([...plain.keys()].find((seq) => seq > each.seq));
        }
        expect(unsettled.messages).toBe(plain.size);
        const runs = [...unsettled];
        expect(unsettled.bytes).toBe(runs.reduce((sum, run) => sum + run.bytes, 0));
      }
      expect(release(unsettled.takeAll())).toEqual([...plain]);
      expect([unsettled.messages, unsettled.bytes, pool.heldBytes]).toEqual([0, 0, 0]);
    }),
  );
});

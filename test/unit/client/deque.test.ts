import * as fc from "fast-check";
import { expect, test } from "vitest";

import { Deque } from "../../../client/deque.ts";

test("does what an array does", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("push" as const), item: fc.nat() }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("shift" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("unshift" as const), items: fc.array(fc.nat(), { maxLength: 4 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("many" as const), count: fc.nat({ max: 3000 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("few" as const), count: fc.nat({ max: 3000 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const deque = new Deque<number>();
      const model: number[] = [];
      for (const each of steps) {
        if (each.kind === "push") {
          deque.push(each.item);
          model.push(each.item);
        } else if (each.kind === "shift") {
          expect(deque.shift()).toBe(model.shift());
        } else if (each.kind === "unshift") {
          deque.unshift(each.items);
          model.unshift(...each.items);
        } else if (each.kind === "many") {
          for (let i = 0; i < each.count; i++) {
            deque.push(i);
            model.push(i);
          }
        } else if (each.kind === "few") {
          for (let i = 0; i < each.count; i++)
            if (deque.shift() !== model.shift()) throw new Error(`item ${i} differs`);
        } else {
          expect(deque.clear()).toEqual(model.splice(0));
        }
        expect(deque.length).toBe(model.length);
        expect(deque.peek()).toBe(model[0]);
        expect(deque.last()).toBe(model.at(-1));
        expect([...deque]).toEqual(model);
      }
    }),
    { numRuns: 200 },
  );
});

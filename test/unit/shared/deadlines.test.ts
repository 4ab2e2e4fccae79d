import { describe, expect, test } from "vitest";
import * as fc from "fast-check";
import { Deadlines, type Timed } from "../../../shared/deadlines.ts";

class Item implements Timed {
  heapIndex = -1;
  dueMs = 0;
  dueOrder = 0;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** Takes out all that is due, by name. */
function take(deadlines: Deadlines<Item>, nowMs: number): string[] {
  const names: string[] = [];
  for (let item = deadlines.due(nowMs); item !== undefined; item = deadlines.due(nowMs)) names.push(item.name);
  return names;
}

describe("Deadlines", () => {
  test("is never due while empty", () => {
    const deadlines = new Deadlines<Item>();
    expect(deadlines.next()).toBe(Infinity);
    expect(deadlines.due(Infinity)).toBeUndefined();
    expect(deadlines.size).toBe(0);
  });

  test("gives the earliest first, and nothing before its time", () => {
    const deadlines = new Deadlines<Item>();
    for (const [name, atMs] of [
      ["c", 30],
      ["a", 10],
      ["d", 40],
      ["b", 20],
    ] as const)
      deadlines.set(new Item(name), atMs);
    expect(deadlines.next()).toBe(10);
    expect(take(deadlines, 9.99)).toEqual([]);
    expect(take(deadlines, 30)).toEqual(["a", "b", "c"]);
    expect(deadlines.next()).toBe(40);
    expect(take(deadlines, 1e9)).toEqual(["d"]);
  });

  test("gives equal deadlines in the order in which they were set, a move counting as one", () => {
    const deadlines = new Deadlines<Item>();
    const items = Array.from("abcdefgh", (name) => new Item(name));
    for (const item of items) deadlines.set(item, 5);
    deadlines.set(items[0]!, 5);
    expect(take(deadlines, 5)).toEqual(["b", "c", "d", "e", "f", "g", "h", "a"]);
  });

  test("moves an item both ways", () => {
    const deadlines = new Deadlines<Item>();
    const items = Array.from("abcde", (name) => new Item(name));
    for (const [i, item] of items.entries()) deadlines.set(item, i);
    deadlines.set(items[4]!, -1);
    deadlines.set(items[0]!, 99);
    expect(deadlines.size).toBe(5);
    expect(take(deadlines, 100)).toEqual(["e", "b", "c", "d", "a"]);
  });

  test("knows what it holds, and leaves what it gave out free to be set again", () => {
    const deadlines = new Deadlines<Item>();
    const item = new Item("a");
    expect([deadlines.has(item), deadlines.delete(item)]).toEqual([false, false]);
    deadlines.set(item, 1);
    expect([deadlines.has(item), deadlines.delete(item)]).toEqual([true, true]);
    expect([deadlines.has(item), deadlines.delete(item), item.heapIndex]).toEqual([false, false, -1]);
    deadlines.set(item, 2);
    expect(deadlines.due(2)).toBe(item);
    expect([deadlines.has(item), item.heapIndex]).toEqual([false, -1]);
    deadlines.set(item, 3);
    expect(deadlines.next()).toBe(3);
  });

  test("an infinite deadline is held, and never due", () => {
    const deadlines = new Deadlines<Item>();
    deadlines.set(new Item("never"), Infinity);
    deadlines.set(new Item("a"), 1);
    expect(take(deadlines, Number.MAX_VALUE)).toEqual(["a"]);
    expect([deadlines.size, deadlines.next()]).toEqual([1, Infinity]);
  });

  test("refuses NaN, and an item that has a deadline elsewhere", () => {
    const deadlines = new Deadlines<Item>();
    const other = new Deadlines<Item>();
    const item = new Item("a");
    expect(() => deadlines.set(item, Number.NaN)).toThrow(RangeError);
    expect(deadlines.has(item)).toBe(false);
    other.set(item, 1);
    deadlines.set(new Item("b"), 2);
    expect(() => deadlines.set(item, 1)).toThrow("elsewhere");
    expect(deadlines.delete(item)).toBe(false);
    expect([take(deadlines, 9), take(other, 9)]).toEqual([["b"], ["a"]]);
  });

  test("goes on as a sorted array does, whatever is set, moved, deleted and taken", () => {
    const atMs = fc.integer({ min: 0, max: 20 });
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ verb: fc.constant("set" as const), pick: fc.nat(24), atMs }) },
      { weight: 1, arbitrary: fc.record({ verb: fc.constant("delete" as const), pick: fc.nat(24), atMs }) },
      { weight: 1, arbitrary: fc.record({ verb: fc.constant("due" as const), pick: fc.nat(24), atMs }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const deadlines = new Deadlines<Item>();
        const items = Array.from({ length: 25 }, (_, i) => new Item(String(i)));
        let model: { item: Item; atMs: number }[] = [];
        for (const { verb, pick, atMs } of steps) {
          const item = items[pick]!;
          if (verb === "set") {
            deadlines.set(item, atMs);
            model = model.filter((held) => held.item !== item);
            model.push({ item, atMs });
            model.sort((a, b) => a.atMs - b.atMs); // a stable sort: equal ones stay in the order set
          } else if (verb === "delete") {
            expect(deadlines.delete(item)).toBe(model.some((held) => held.item === item));
            model = model.filter((held) => held.item !== item);
          } else {
            const expected = model[0] !== undefined && model[0].atMs <= atMs ? model.shift()!.item : undefined;
            expect(deadlines.due(atMs)).toBe(expected);
          }
          expect(deadlines.next()).toBe(model[0]?.atMs ?? Infinity);
          expect(deadlines.size).toBe(model.length);
        }
        for (const item of items) expect(deadlines.has(item)).toBe(model.some((held) => held.item === item));
        expect(take(deadlines, Infinity)).toEqual(model.map((held) => held.item.name));
        for (const item of items) expect(item.heapIndex).toBe(-1);
      }),
      { numRuns: 200 },
    );
  });
});

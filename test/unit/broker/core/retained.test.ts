import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ChunkPool } from "../../../../broker/core/chunks.ts";
import { Retained } from "../../../../broker/core/retained.ts";
import { matches } from "../../../../shared/topic.ts";

function values(retained: Retained, pattern: string): string[] {
  return [...retained.matching(pattern)].map(({ buf }) => buf.toString());
}

function keep(retained: Retained, topic: string, value: string): boolean {
  const buf = Buffer.from(`<<${value}>>`);
  return retained.keep(topic, buf, 2, buf.length - 2);
}

describe("retained values", () => {
  test("are the latest of each topic, found by a topic or a pattern", () => {
    const retained = new Retained(new ChunkPool(), 10);
    for (const [topic, value] of [
      ["a", "1"],
      ["a.b", "2"],
      ["a", "3"],
      ["a.b.c", "4"],
      ["b", "5"],
    ] as const)
      keep(retained, topic, value);
    expect(retained.size).toBe(4);
    expect([retained.has("a"), retained.has("c")]).toEqual([true, false]);
    expect(values(retained, "a")).toEqual(["3"]);
    expect(values(retained, "c")).toEqual([]);
    expect(values(retained, "*").sort()).toEqual(["3", "5"]);
    expect(values(retained, "a.>").sort()).toEqual(["2", "4"]);
    expect(values(retained, ">").sort()).toEqual(["2", "3", "4", "5"]);
  });

  test("are of a bounded number of topics; those that have one may have another", () => {
    const retained = new Retained(new ChunkPool(), 2);
    expect([keep(retained, "a", "1"), keep(retained, "b", "2"), keep(retained, "c", "3")]).toEqual([true, true, false]);
    expect(keep(retained, "a", "4")).toBe(true);
    retained.clear("b");
    expect(keep(retained, "c", "5")).toBe(true);
    expect(values(retained, "*").sort()).toEqual(["4", "5"]);
  });

  test("hold what they need, and nothing once they are cleared or replaced", () => {
    const pool = new ChunkPool();
    const retained = new Retained(pool, 10);
    retained.keep("a", Buffer.alloc(100_000), 500, 600);
    expect(pool.heldBytes).toBe(100);
    retained.keep("a", Buffer.alloc(100_000), 0, 50);
    expect(pool.heldBytes).toBe(50);
    retained.clear("never");
    retained.clear("a");
    expect(pool.heldBytes).toBe(0);
  });

  test("one that is being delivered stays as it was, replaced or not", () => {
    const pool = new ChunkPool();
    const retained = new Retained(pool, 10);
    keep(retained, "a", "old");
    const [chunk] = retained.matching("a");
    chunk!.retain();
    keep(retained, "a", "new");
    retained.clear("a");
    expect(chunk!.buf.toString()).toBe("old");
    chunk!.release();
    expect(pool.heldBytes).toBe(0);
  });

  test("do what a plain map does", () => {
    const topic = fc
      .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 })
      .map((tokens) => tokens.join("."));
    const pattern = fc
      .array(fc.constantFrom("a", "b", "*"), { minLength: 1, maxLength: 3 })
      .map((tokens) => tokens.join("."));
    const anyPattern = fc.oneof(
      pattern,
      pattern.map((text) => `${text}.>`),
      fc.constant(">"),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(topic, fc.option(fc.string({ maxLength: 5 })))), anyPattern, (steps, asked) => {
        const pool = new ChunkPool();
        const retained = new Retained(pool, 5);
        const model = new Map<string, string>();
        for (const [name, value] of steps) {
          if (value === null) {
            retained.clear(name);
            model.delete(name);
          } else {
            const isKept = model.has(name) || model.size < 5;
            expect(keep(retained, name, value)).toBe(isKept);
            if (isKept) model.set(name, value);
          }
        }
        expect(retained.size).toBe(model.size);
        const wanted = [...model].filter(([name]) => matches(asked, name)).map(([, value]) => value);
        expect(values(retained, asked).sort()).toEqual(wanted.sort());
        expect(pool.heldBytes).toBe([...model.values()].reduce((sum, value) => sum + Buffer.byteLength(value), 0));
      }),
    );
  });
});

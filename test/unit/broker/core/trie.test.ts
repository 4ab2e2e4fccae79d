import { describe, expect, test } from "vitest";
import * as fc from "fast-check";
import { Trie } from "../../../../broker/core/trie.ts";
import { matches } from "../../../../shared/topic.ts";

const found = <T>(trie: Trie<T>, topic: string): T[] => trie.match(topic, []);

/** The root, and a node for each beginning of a pattern that is a whole one (but for its `>`) or goes on in several ways. */
function neededNodes(patterns: string[]): number {
  const whole = new Set<string>();
  const next = new Map<string, Set<string>>();
  for (const pattern of patterns) {
    const tokens = pattern.split(".").filter((token) => token !== ">");
    whole.add(tokens.join("."));
    for (const [i, token] of tokens.entries()) {
      const head = tokens.slice(0, i).join(".");
      next.set(head, (next.get(head) ?? new Set()).add(token));
    }
  }
  const needed = new Set(["", ...whole]);
  for (const [head, tokens] of next) if (tokens.size > 1) needed.add(head);
  return needed.size;
}

describe("Trie", () => {
  test("finds exact patterns, tokens and tails", () => {
    const trie = new Trie<string>();
    for (const pattern of ["orders.eu", "orders.*", "orders.*.paid", "orders.>", "*.eu", ">", "orders"])
      trie.add(pattern, pattern);
    expect(found(trie, "orders.eu")).toEqual(["orders.eu", "orders.*", "orders.>", "*.eu", ">"]);
    expect(found(trie, "orders.eu.paid")).toEqual(["orders.*.paid", "orders.>", ">"]);
    expect(found(trie, "orders")).toEqual([">", "orders"]);
    expect(found(trie, "else.eu.paid")).toEqual([">"]);
    expect(trie.size).toBe(7);
  });

  test("patterns that begin with a wildcard match no $ topic", () => {
    const trie = new Trie<string>();
    for (const pattern of [">", "*", "*.ping", "*.>", "$sys.>", "$sys.*", "$sys.ping", "$sys"])
      trie.add(pattern, pattern);
    expect(found(trie, "$sys.ping")).toEqual(["$sys.>", "$sys.*", "$sys.ping"]);
    expect(found(trie, "$sys")).toEqual(["$sys"]);
    expect(found(trie, "$other.x")).toEqual([]);
    expect(found(trie, "a.$x")).toEqual([">", "*.>"]);
  });

  test("appends to what it is given, in the order of add over all patterns", () => {
    const trie = new Trie<number>();
    trie.add(">", 1);
    trie.add("a.b", 2);
    trie.add("a.*", 3);
    trie.add("a.b", 4);
    const into = [0];
    expect(trie.match("a.b", into)).toBe(into);
    expect(into).toEqual([0, 1, 2, 3, 4]);
    expect(trie.remove("a.b", 2)).toBe(true);
    trie.add("a.b", 2);
    expect(found(trie, "a.b")).toEqual([1, 3, 4, 2]);
  });

  test("finds a value once for every add", () => {
    const trie = new Trie<string>();
    trie.add("a", "x");
    trie.add("a", "y");
    trie.add("a", "x");
    trie.add("*", "x");
    expect(found(trie, "a")).toEqual(["x", "x", "y", "x"]);
    expect(trie.size).toBe(4);
    expect([trie.remove("a", "x"), found(trie, "a")]).toEqual([true, ["x", "y", "x"]]);
    expect([trie.remove("a", "x"), found(trie, "a")]).toEqual([true, ["y", "x"]]);
    expect([trie.remove("a", "x"), trie.size]).toEqual([false, 2]);
  });

  test("removes nothing that is not there", () => {
    const trie = new Trie<string>();
    trie.add("a.b", "x");
    for (const pattern of ["a", "a.*", "a.>", "a.b.c", "b", "*", ">", "a.b.>"])
      expect(trie.remove(pattern, "x")).toBe(false);
    expect(trie.remove("a.b", "y")).toBe(false);
    expect(trie.size).toBe(1);
    expect(found(trie, "a.b")).toEqual(["x"]);
  });

  test("has a node where patterns end or part, and nowhere else", () => {
    const trie = new Trie<string>();
    const nodes = (change: unknown): number => (change === false ? Number.NaN : trie.countNodes());
    expect(nodes(true)).toBe(1);
    expect(nodes(trie.add("a.b.c.d", "x"))).toBe(2);
    expect(nodes(trie.add("a.b", "y"))).toBe(3); // it ends within the other
    expect(nodes(trie.add("a.*.c", "z"))).toBe(5); // they part behind "a"
    expect(nodes(trie.add("a.b.>", "r"))).toBe(5); // at the node of a.b
    expect(nodes(trie.remove("a.b", "y"))).toBe(5); // where a.b.> still is
    expect(nodes(trie.remove("a.b.>", "r"))).toBe(4); // b.c.d is one step again
    expect(found(trie, "a.b.c.d")).toEqual(["x"]);
    expect(found(trie, "a.b.c")).toEqual(["z"]);
    expect(nodes(trie.remove("a.*.c", "z"))).toBe(2); // and now a.b.c.d is
    expect(found(trie, "a.b.c.d")).toEqual(["x"]);
    expect(nodes(trie.remove("a.b.c.d", "x"))).toBe(1);
    expect(trie.size).toBe(0);
  });

  test("tokens that are names of an object's own are tokens like others", () => {
    const trie = new Trie<string>();
    trie.add("__proto__.constructor", "x");
    expect(found(trie, "__proto__.constructor")).toEqual(["x"]);
    expect(found(trie, "toString")).toEqual([]);
  });

  test("holds ten thousand values of one pattern, and lets each go by itself", () => {
    const trie = new Trie<number>();
    for (let i = 0; i < 10_000; i++) trie.add("a.*", i);
    expect(found(trie, "a.b")).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    for (let i = 0; i < 10_000; i += 2) expect(trie.remove("a.*", i)).toBe(true);
    expect(found(trie, "a.b")).toEqual(Array.from({ length: 5_000 }, (_, i) => 2 * i + 1));
    for (let i = 1; i < 10_000; i += 2) trie.remove("a.*", i);
    expect([trie.size, trie.countNodes()]).toEqual([0, 1]);
  });

  test("a bomb of wildcards has fewer than two nodes a pattern, and a match finds each value once", () => {
    // Every mix of "a" and "*" over ten tokens, each going on with a long tail: a long topic follows them all.
    const trie = new Trie<number>();
    for (let mix = 0; mix < 1024; mix++) {
      const head = Array.from({ length: 10 }, (_, bit) => ((mix >> bit) & 1 ? "*" : "a"));
      trie.add([...head, ...Array<string>(50).fill("*"), ">"].join("."), mix);
    }
    expect(trie.countNodes()).toBe(2 * 1024 - 1);
    expect(found(trie, Array<string>(128).fill("a").join("."))).toEqual(Array.from({ length: 1024 }, (_, mix) => mix));
    expect(found(trie, Array<string>(60).fill("a").join("."))).toEqual([]);
  });

  test("goes on as a naive matcher does, whatever is added and removed", () => {
    const token = fc.constantFrom("a", "b", "$a");
    const topic = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
    const pattern = fc
      .tuple(fc.array(fc.oneof(token, fc.constant("*")), { maxLength: 4 }), fc.boolean())
      .map(([tokens, isRest]) => (isRest || tokens.length === 0 ? [...tokens, ">"] : tokens).join("."));
    const step = fc.record({ isAdd: fc.boolean(), pattern, value: fc.integer({ min: 0, max: 3 }) });
    const removals = fc.array(fc.nat());
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        removals,
        fc.array(topic, { minLength: 1 }),
        (steps, removals, topics) => {
          const trie = new Trie<number>();
          const model: { pattern: string; value: number; times: number }[] = [];
          const remove = (pattern: string, value: number): void => {
            const index = model.findIndex((held) => held.pattern === pattern && held.value === value);
            expect(trie.remove(pattern, value)).toBe(index >= 0);
            if (index >= 0 && --model[index]!.times === 0) model.splice(index, 1);
          };
          const compare = (): void => {
            for (const topic of topics) {
              const expected = model.flatMap((held) =>
                matches(held.pattern, topic) ? Array<number>(held.times).fill(held.value) : [],
              );
              expect(found(trie, topic)).toEqual(expected);
            }
            expect(trie.size).toBe(model.reduce((sum, held) => sum + held.times, 0));
            expect(trie.countNodes()).toBe(neededNodes(model.map((held) => held.pattern)));
          };
          for (const { isAdd, pattern, value } of steps) {
            if (!isAdd) {
              remove(pattern, value);
              continue;
            }
            trie.add(pattern, value);
            const held = model.find((held) => held.pattern === pattern && held.value === value);
            if (held === undefined) model.push({ pattern, value, times: 1 });
            else held.times++;
          }
          compare();
          for (const pick of removals) {
            const held = model[pick % model.length];
            if (held !== undefined) remove(held.pattern, held.value);
          }
          compare();
        },
      ),
      { numRuns: 200 },
    );
  });
});

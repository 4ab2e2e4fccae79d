import { expect, test } from "vitest";

import type { Content } from "../../../client/content.ts";
import { keyed } from "../../../client/partition-key.ts";

function contentOf(topic: string, headers: Record<string, unknown>): Content {
  return { topic, headers } as unknown as Content;
}

test.each<[unknown, string | undefined]>([
  ["a", "a"],
  [1, "1"],
  [1n, "1"],
  [true, "true"],
  [Buffer.of(0xff), "\xff"],
  [null, undefined],
  [undefined, undefined],
  [{}, undefined],
])("a key of the header, %#", (key, expected) => {
  expect(keyed("key")!(contentOf("t", { key }))).toBe(expected);
});

test("the number of a token", () => {
  expect(keyed(1)!(contentOf("a.b.c", {}))).toBe("a");
  expect(keyed(2)!(contentOf("a.b.c", { key: "k" }))).toBe("b");
  expect(keyed(4)!(contentOf("a.b.c", {}))).toBeUndefined();
});

test("no partitions, no keys", () => {
  expect(keyed(undefined)).toBeUndefined();
});

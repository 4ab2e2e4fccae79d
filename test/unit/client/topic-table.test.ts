import { expect, test } from "vitest";

import { Hold } from "../../../client/hold.ts";
import { TopicTable } from "../../../client/topic-table.ts";

test("a topic is checked and encoded once", () => {
  const table = new TopicTable();
  expect(Buffer.from(table.get("a.b").encoded)).toEqual(Buffer.from("a3612e62", "hex"));
  expect(table.get("a.b")).toBe(table.get("a.b"));
  expect(() => table.get("a.>")).toThrow(expect.objectContaining({ code: "bad_topic" }));
  expect(() => table.get("$sys.ping")).toThrow(expect.objectContaining({ code: "not_allowed" }));
});

test("random topics can't grow it, and those that are held stay", () => {
  const table = new TopicTable();
  const held = table.get("held");
  held.hold = new Hold("queue q");
  const first = table.get("first");
  for (let i = 0; i < 10_000; i++) table.get(`t.${i}`);
  expect(table.get("held")).toBe(held);
  expect(table.get("first")).not.toBe(first);
});

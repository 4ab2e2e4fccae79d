import { expect, test } from "vitest";

import { RecentIds } from "../../../../broker/core/recent-ids.ts";

test("an id is known until its own time is over, in whatever order the times are", () => {
  const ids = new RecentIds(() => {});
  ids.add("long", 0, 1000);
  ids.add("short", 0, 100);
  expect([ids.has("long", 99), ids.has("short", 99)]).toEqual([true, true]);
  expect([ids.has("long", 100), ids.has("short", 100)]).toEqual([true, false]);
  ids.add("short", 100, 200);
  expect([ids.has("short", 199), ids.has("short", 200), ids.has("other", 0)]).toEqual([true, false, false]);
});

test("each that is forgotten is told once, and none that was taken again meanwhile", () => {
  const forgotten: string[] = [];
  const ids = new RecentIds((id) => forgotten.push(id));
  ids.add("a", 0, 100);
  ids.add("b", 0, 100);
  ids.add("a", 150, 250);
  expect(forgotten).toEqual(["b"]);
  ids.add("c", 300, 400);
  expect(forgotten).toEqual(["b", "a"]);
  ids.clear();
  expect([forgotten, ids.size]).toEqual([["b", "a", "c"], 0]);
});

test("there are 100,000 at the most, and the oldest goes first", () => {
  const forgotten: string[] = [];
  const ids = new RecentIds((id) => forgotten.push(id));
  for (let i = 0; i < 100_003; i++) ids.add(`${i}`, 0, 1000);
  expect([ids.size, forgotten]).toEqual([100_000, ["0", "1", "2"]]);
});

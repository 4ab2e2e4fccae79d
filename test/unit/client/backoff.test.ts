import { expect, test } from "vitest";

import { Backoff } from "../../../client/backoff.ts";

test("a random part of a time that doubles, from 20 ms to 2 s", () => {
  let chance = 0.5;
  const backoff = new Backoff(() => chance);
  expect([backoff.nextMs(), backoff.nextMs(), backoff.nextMs()]).toEqual([10, 20, 40]);
  for (let i = 0; i < 2000; i++) backoff.nextMs();
  expect(backoff.nextMs()).toBe(1000);
  chance = 0;
  expect(backoff.nextMs()).toBe(0);
  backoff.reset();
  chance = 0.5;
  expect(backoff.nextMs()).toBe(10);
});

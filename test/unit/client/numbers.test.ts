import { expect, test } from "vitest";

import { Numbers } from "../../../client/numbers.ts";
import { MAX_ID } from "../../../shared/protocol.ts";

test("counts from 1, and after 2^32 - 1 again, past those that are live", () => {
  const numbers = new Numbers((number) => number <= 2);
  expect([numbers.next(), numbers.next()]).toEqual([1, 2]);
  const late = new Numbers((number) => number <= 2, MAX_ID - 2);
  expect([late.next(), late.next(), late.next(), late.next()]).toEqual([MAX_ID - 1, MAX_ID, 3, 4]);
});

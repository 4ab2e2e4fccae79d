import { describe, expect, test } from "vitest";

import { FIRST, LAST, newPayload, stamp } from "../../../bench/stamp.ts";
import { checkShares, type Expectation, Tally } from "../../../bench/tally.ts";

/** The books of a receiver that got these, one a nanosecond. */
function tallyOf(numbers: readonly number[], expectation: Expectation, marks: Record<number, number> = {}): Tally {
  let now = 0;
  const tally = new Tally(expectation, 16, () => ++now);
  for (const number of numbers) {
    const payload = newPayload(16);
    stamp(payload, number, marks[number] ?? 0);
    tally.take(payload, 0, payload.length);
  }
  return tally;
}

const shares = (...members: number[][]): string | undefined =>
  checkShares(
    members.map((numbers) => tallyOf(numbers, "share").result()),
    6,
  );

describe("a receiver of all", () => {
  test("finds nothing wrong with all, in order", () => {
    expect(tallyOf([0, 1, 2], "all").result()).toMatchObject({ count: 3, fault: undefined });
  });

  test.each([
    ["a gap", [0, 2], "expected number 1, 16 bytes, and got number 2"],
    ["a double", [0, 0], "expected number 1, 16 bytes, and got number 0"],
    ["a late one", [0, 2, 1], "expected number 1, 16 bytes, and got number 2"],
  ])("finds %s", (_, numbers, fault) => {
    expect(tallyOf(numbers, "all").result().fault).toBe(fault);
  });

  test("finds one of another size", () => {
    const tally = tallyOf([], "all");
    tally.take(newPayload(20), 0, 20);
    expect(tally.result().fault).toBe("expected number 0, 16 bytes, and got one of 20 bytes that is not whole");
  });

  test("notes when marked ones came", () => {
    expect(tallyOf([0, 1, 2], "all", { 1: FIRST, 2: LAST }).result()).toMatchObject({ firstNs: 1, lastNs: 2 });
  });
});

describe("the members of a queue", () => {
  test("have all of it together", () => {
    expect(shares([0, 3, 4], [1, 2, 5])).toBeUndefined();
    expect(shares([], [0, 1, 2, 3, 4, 5])).toBeUndefined();
  });

  test("miss one", () => {
    expect(shares([0, 1], [2, 3, 4])).toBe("6 were sent and 5 came");
  });

  test("have one twice, and another never", () => {
    expect(shares([0, 1, 2], [2, 4, 5])).toBe("of 6 messages some came twice and others never");
    // As many, and the same sum.
    expect(shares([0, 1, 4], [1, 4, 5])).toBe("of 6 messages some came twice and others never");
  });

  test("each get theirs in order", () => {
    expect(shares([0, 2, 1], [3, 4, 5])).toBe("expected a number from 3, 16 bytes, and got number 1");
  });
});

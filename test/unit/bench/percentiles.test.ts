import { describe, expect, test } from "vitest";

import { median, percentile } from "../../../bench/percentiles.ts";

describe("median", () => {
  test("is the middle value, whatever the order", () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([10, 9, 100])).toBe(10);
  });

  test("is the mean of the middle two of an even number", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  test("is NaN of none", () => {
    expect(median([])).toBeNaN();
  });

  test("leaves its input as it is", () => {
    const values = [2, 1];
    median(values);
    expect(values).toEqual([2, 1]);
  });
});

describe("percentile", () => {
  const hundred = Float64Array.from({ length: 100 }, (_, i) => i + 1);

  test("is by nearest rank", () => {
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 0.991)).toBe(100);
  });

  test("has the least and the greatest at its ends", () => {
    expect(percentile(hundred, 0)).toBe(1);
    expect(percentile(hundred, 1)).toBe(100);
  });

  test("is NaN of none", () => {
    expect(percentile([], 0.5)).toBeNaN();
  });
});

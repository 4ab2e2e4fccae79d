import { describe, expect, test } from "vitest";

import {
  FIRST,
  LAST,
  marksOf,
  newPayload,
  numberOf,
  readStamp,
  readTime,
  stamp,
  stampTime,
} from "../../../bench/stamp.ts";

const MOST = 0x3fff_ffff;

describe("a stamp", () => {
  test.each([
    [0, 0],
    [1, FIRST],
    [255, LAST],
    [0x1234_5678, 0],
    [MOST, LAST],
  ])("number %i, marks %i", (number, marks) => {
    const payload = newPayload(128);
    stamp(payload, number, marks);
    const stamped = readStamp(payload, 0, payload.length);
    expect(numberOf(stamped)).toBe(number);
    expect(marksOf(stamped)).toBe(marks);
  });

  test("is found in the middle of a buffer", () => {
    const payload = newPayload(16);
    stamp(payload, 77, 0);
    expect(numberOf(readStamp(Buffer.concat([Buffer.alloc(5), payload, Buffer.alloc(5)]), 5, 21))).toBe(77);
  });

  test("shows a message that is cut, shifted, or of two halves", () => {
    const payload = newPayload(32);
    stamp(payload, 77, 0);
    const other = newPayload(32);
    stamp(other, 78, 0);
    expect(readStamp(payload, 0, 31)).toBe(-1);
    expect(readStamp(payload, 1, 32)).toBe(-1);
    expect(readStamp(Buffer.concat([payload.subarray(0, 16), other.subarray(16)]), 0, 32)).toBe(-1);
    expect(readStamp(payload.subarray(0, 8), 0, 8)).toBe(-1);
  });

  test("carries a time beside it, in the smallest message", () => {
    const payload = newPayload(16);
    stamp(payload, 3, FIRST);
    stampTime(payload, 123_456_789_012_345);
    expect(readTime(payload, 0)).toBe(123_456_789_012_345);
    expect(numberOf(readStamp(payload, 0, 16))).toBe(3);
  });
});

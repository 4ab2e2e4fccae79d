import { describe, expect, test } from "vitest";

import {
  formatBytes,
  formatCount,
  formatDuration,
  parseCount,
  parseDuration,
  parseSize,
  plural,
} from "../../../cli/units.ts";

describe("parseSize", () => {
  test.each([
    ["0", 0],
    ["65536", 65_536],
    ["512KiB", 524_288],
    ["16MiB", 16_777_216],
    ["16 mib", 16_777_216],
    ["1.5k", 1536],
    ["2G", 2_147_483_648],
    ["10MB", 10_000_000],
    ["7b", 7],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(["", "MiB", "-1", "1e6", "0x10", "16 MiB more", "1.2.3", "12pib", "999999999999999G", "1,000"])(
    "%j is no size",
    (text) => {
      expect(parseSize(text)).toBeUndefined();
    },
  );
});

describe("parseDuration", () => {
  test.each([
    ["250", 250],
    ["250ms", 250],
    ["8s", 8000],
    ["1.5s", 1500],
    ["2m", 120_000],
    ["2min", 120_000],
    ["1h", 3_600_000],
    ["0", 0],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["", "s", "-5s", "8 seconds", "1d", "KiB", "5k"])("%j is no duration", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

test("a count is digits and nothing else", () => {
  expect(parseCount("0")).toBe(0);
  expect(parseCount("12")).toBe(12);
  for (const text of ["", "-1", "1.0", "1e3", " 1", "1234567890123456"]) expect(parseCount(text)).toBeUndefined();
});

test("sizes read in three digits or so", () => {
  expect([0, 512, 1536, 147_849_216, 3 * 1024 ** 3].map(formatBytes)).toEqual([
    "0 B",
    "512 B",
    "1.5 KiB",
    "141 MiB",
    "3.0 GiB",
  ]);
  expect(formatBytes(50 * 1024)).toBe("50 KiB");
});

test("durations read by their two largest units", () => {
  expect([0.345, 12.4, 3210, 245_000, 7_380_000, 435_600_000].map(formatDuration)).toEqual([
    "0.34 ms",
    "12 ms",
    "3.2 s",
    "4 m 5 s",
    "2 h 3 m",
    "5 d 1 h",
  ]);
});

test("counts and nouns", () => {
  expect(formatCount(1_234_567)).toBe("1,234,567");
  expect([0, 1, 2].map((count) => plural(count, "file"))).toEqual(["0 files", "1 file", "2 files"]);
});

import { describe, expect, test } from "vitest";

import { isWhole, type Outcome, progressLine, summary } from "../../../../cli/demo/report.ts";

const whole: Outcome = {
  files: 3,
  filesInAll: 3,
  bytes: 1_048_576,
  parts: 6,
  elapsedMs: 500,
  shares: [
    { parts: 3, bytes: 524_288 },
    { parts: 2, bytes: 524_288 },
    { parts: 1, bytes: 0 },
  ],
  leftOut: { links: 0, special: 0, unreadable: 0, unreadableFolders: 0 },
  wrong: [],
  missing: [],
  changed: [],
  lostParts: 0,
};

test("says how far it is", () => {
  const progress = { files: 10, filesInAll: 20, bytes: 512, bytesInAll: 1024, elapsedMs: 1000 };
  expect(progressLine(progress)).toBe(" 50 %  10 of 20 files checked, 512 B, 512 B/s");
  expect(progressLine({ ...progress, bytesInAll: 0 })).toMatch(/^100 %/);
});

describe("at the end", () => {
  test("says files, bytes, rate, each worker's share, and that none was lost", () => {
    expect(isWhole(whole)).toBe(true);
    expect(summary(whole)).toBe(
      [
        "files    3 verified by SHA-256, 1.0 MiB in 6 parts of at most 256 KiB",
        "rate     2.0 MiB/s, 12 parts/s, in 0.50 s",
        "workers  1: 3 parts, 512 KiB (50 %); 2: 2 parts, 512 KiB (33.3 %); 3: 1 part, 0 B (16.7 %)",
        "lost     nothing: every part arrived, each as it was sent",
        "",
      ].join("\n"),
    );
  });

  test("says what was left out, and what changed", () => {
    const outcome = {
      ...whole,
      leftOut: { links: 1, special: 0, unreadable: 2, unreadableFolders: 0 },
      changed: ["a\u001B"],
    };
    expect(isWhole(outcome)).toBe(true);
    expect(summary(outcome)).toContain("left out 1 symbolic link, 2 unreadable files\n");
    expect(summary(outcome)).toContain("changed  while it was read: 1 file: a\\x1b\n");
  });

  test("names what is wrong, missing or lost", () => {
    const paths = Array.from({ length: 7 }, (_, i) => `f${i}`);
    const outcome = { ...whole, wrong: ["x"], missing: paths, lostParts: 2 };
    expect(isWhole(outcome)).toBe(false);
    expect(summary(outcome)).toContain(
      "WRONG    1 file: x\nMISSING  7 files: f0, f1, f2, f3, f4, …\nLOST     2 parts\n",
    );
    expect(summary(outcome)).not.toContain("nothing");
  });
});

import { describe, expect, test } from "vitest";

import { formatValue, linesOf, type Outcome, table } from "../../../bench/report.ts";

const rate: Outcome = {
  scenario: {
    name: "128B",
    what: "one to one",
    metrics: [{ key: "rate", unit: "msg/s", bar: { of: "ratio", at: "least", value: 0.5 } }],
    base: { name: "relay" },
  },
  base: [{ rate: 1000 }, { rate: 9000 }, { rate: 2000 }],
  bus: [{ rate: 900 }, { rate: 1200 }, { rate: 5000 }],
};

const memory: Outcome = {
  scenario: {
    name: "memory",
    what: "of an idle broker",
    metrics: [{ key: "rss", unit: "MiB", by: "difference", bar: { of: "difference", at: "most", value: 15 } }],
    base: { name: "bare node" },
  },
  base: [{ rss: 40 }],
  bus: [{ rss: 56.5 }],
};

describe("linesOf", () => {
  test("compares medians, and keeps every run", () => {
    expect(linesOf(rate)).toEqual([
      {
        scenario: "128B",
        what: "one to one",
        metric: "rate",
        unit: "msg/s",
        baseName: "relay",
        base: 2000,
        bus: 1200,
        by: "ratio",
        comparison: 0.6,
        bar: { of: "ratio", at: "least", value: 0.5, met: true },
        baseRuns: [1000, 9000, 2000],
        busRuns: [900, 1200, 5000],
      },
    ]);
  });

  test("compares by difference where that is meant", () => {
    expect(linesOf(memory)[0]).toMatchObject({ comparison: 16.5, bar: { met: false } });
  });

  test("holds the bus alone against a bar", () => {
    const scenario = {
      ...memory.scenario,
      metrics: [{ key: "rss", unit: "MiB", bar: { of: "bus", at: "most", value: 57 } }] as const,
    };
    expect(linesOf({ ...memory, scenario })[0]).toMatchObject({ comparison: 56.5 / 40, bar: { met: true } });
  });

  test("does not call a value that is missing good", () => {
    expect(linesOf({ ...rate, bus: [{}] })[0]).toMatchObject({ bus: Number.NaN, bar: { met: false } });
  });
});

test("the table", () => {
  expect(table([...linesOf(rate), ...linesOf(memory)])).toBe(
    [
      "scenario  metric       base              podbus   compared  bar",
      "128B      rate, msg/s  relay      2,000   1,200     × 0.60  ≥ × 0.5    met",
      "memory    rss, MiB     bare node   40.0    56.5  +16.5 MiB  ≤ +15 MiB  MISSED",
      "",
    ].join("\n"),
  );
});

test.each([
  [1_234_567.8, "1,234,568"],
  [12.34, "12.3"],
  [1.234, "1.23"],
  [0.1234, "0.123"],
  [Number.NaN, "-"],
])("formatValue(%f)", (value, text) => {
  expect(formatValue(value)).toBe(text);
});

// From the values of all runs to what people and programs read: medians, comparisons, bars, a table. Pure.

import { median } from "./percentiles.ts";
import type { Bar, Metric, Scenario } from "./scenarios/scenario.ts";

/** What the runs of one scenario gave: for each side, one set of values a run. */
export interface Outcome {
  readonly scenario: Pick<Scenario, "name" | "what" | "metrics"> & { readonly base: { readonly name: string } };
  readonly base: readonly Record<string, number>[];
  readonly bus: readonly Record<string, number>[];
}

export interface Line {
  readonly scenario: string;
  readonly what: string;
  readonly metric: string;
  readonly unit: string;
  /** What the bus is compared with. */
  readonly baseName: string;
  /** Medians of the runs. */
  readonly base: number;
  readonly bus: number;
  readonly by: "ratio" | "difference";
  /** The bus's median by, or less, the base's. */
  readonly comparison: number;
  readonly bar: (Bar & { readonly met: boolean }) | undefined;
  /** Every run's value. */
  readonly baseRuns: readonly number[];
  readonly busRuns: readonly number[];
}

export function linesOf({ scenario, base, bus }: Outcome): Line[] {
  return scenario.metrics.map((metric) => {
    const baseRuns = base.map((values) => values[metric.key] ?? Number.NaN);
    const busRuns = bus.map((values) => values[metric.key] ?? Number.NaN);
    const baseMedian = median(baseRuns);
    const busMedian = median(busRuns);
    const by = metric.by ?? "ratio";
    return {
      scenario: scenario.name,
      what: scenario.what,
      metric: metric.key,
      unit: metric.unit,
      baseName: scenario.base.name,
      base: baseMedian,
      bus: busMedian,
      by,
      comparison: by === "ratio" ? busMedian / baseMedian : busMedian - baseMedian,
      bar: barOf(metric, baseMedian, busMedian),
      baseRuns,
      busRuns,
    };
  });
}

function barOf({ bar }: Metric, base: number, bus: number): Line["bar"] {
  if (bar === undefined) return undefined;
  const value = { ratio: bus / base, difference: bus - base, bus }[bar.of];
  return { ...bar, met: bar.at === "least" ? value >= bar.value : value <= bar.value };
}

const HEAD = ["scenario", "metric", "base", "", "podbus", "compared", "bar", ""] as const;
/** Columns of numbers, which end at the same place. */
const NUMBERS: ReadonlySet<number> = new Set([3, 4, 5]);

/** The lines as a table, with a heading; each line ends with a line feed. */
export function table(lines: readonly Line[]): string {
  const rows: (readonly string[])[] = [HEAD];
  let before = "";
  for (const line of lines) {
    const { bar } = line;
    rows.push([
      line.scenario === before ? "" : line.scenario,
      `${line.metric}, ${line.unit}`,
      line.baseName,
      formatValue(line.base),
      formatValue(line.bus),
      formatComparison(line),
      bar === undefined ? "" : formatBar(bar, line.unit),
      bar === undefined ? "" : bar.met ? "met" : "MISSED",
    ]);
    before = line.scenario;
  }
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const cells = (row: readonly string[]): string[] =>
    row.map((cell, i) => (NUMBERS.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
  return rows.map((row) => `${cells(row).join("  ").trimEnd()}\n`).join("");
}

/** `1,234,567`, `12.3`, `0.123`: three digits at least. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function formatComparison({ by, comparison, unit }: Line): string {
  if (!Number.isFinite(comparison)) return "-";
  return by === "ratio"
    ? `× ${comparison.toFixed(2)}`
    : `${comparison < 0 ? "−" : "+"}${formatValue(Math.abs(comparison))} ${unit}`;
}

function formatBar({ of, at, value }: Bar, unit: string): string {
  const sign = at === "least" ? "≥" : "≤";
  if (of === "ratio") return `${sign} × ${value}`;
  return of === "difference" ? `${sign} +${value} ${unit}` : `${sign} ${value.toLocaleString("en-US")} ${unit}`;
}

// Sizes, durations, counts and rates: as people write them on a command line, and as they read them. Pure. What it can't read is
// undefined, never a guess; whoever asked says what was expected.

const SIZE_UNITS: Record<string, number> = {
  "": 1,
  b: 1,
  k: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
};

const DURATION_UNITS: Record<string, number> = { "": 1, ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 };

export const SIZE_EXPECTED = "a size such as 65536, 512KiB or 16MiB";
export const DURATION_EXPECTED = "a duration such as 250, 250ms, 8s or 2m (a plain number is milliseconds)";

/** Whole bytes: `65536`, `512KiB`, `16 MiB`, `1.5G`. K, M and G alone are the binary ones. */
export function parseSize(text: string): number | undefined {
  return parseWithUnit(text, SIZE_UNITS);
}

/** Whole milliseconds: `250`, `250ms`, `8s`, `1.5m`, `2h`. */
export function parseDuration(text: string): number | undefined {
  return parseWithUnit(text, DURATION_UNITS);
}

/** A whole number from 0 up, in digits. */
export function parseCount(text: string): number | undefined {
  if (!/^\d{1,15}$/.test(text)) return undefined;
  return Number(text);
}

function parseWithUnit(text: string, units: Record<string, number>): number | undefined {
  const found = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]{0,3})$/i.exec(text.trim());
  if (found === null) return undefined;
  const unit = units[found[2]!.toLowerCase()];
  if (unit === undefined) return undefined;
  const value = Math.round(Number(found[1]) * unit);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** `0 B`, `512 B`, `1.5 KiB`, `141 MiB`: three digits or so. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(value >= 100 ? 3 : 2)} ${units[unit]}`;
}

/** `0.35 ms`, `12 ms`, `3.2 s`, `4 m 5 s`, `2 h 3 m`, `5 d 1 h`. */
export function formatDuration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [Math.floor(seconds) % 60, "s"],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(" ");
}

/** `1,234,567`, whatever the locale. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** `1 file`, `2 files`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

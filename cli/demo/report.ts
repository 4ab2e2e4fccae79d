// What the demo prints: how far it is, and how it ended. Pure.

import { printable } from "../../shared/printable.ts";
import { formatBytes, formatCount, plural } from "../units.ts";
import type { Share } from "./collector.ts";
import type { LeftOut } from "./files.ts";

/** How far it is. */
export interface Progress {
  readonly files: number;
  readonly filesInAll: number;
  readonly bytes: number;
  readonly bytesInAll: number;
  readonly elapsedMs: number;
}

/** How it ended. */
export interface Outcome {
  readonly files: number;
  readonly filesInAll: number;
  readonly bytes: number;
  readonly parts: number;
  readonly elapsedMs: number;
  readonly shares: readonly Share[];
  readonly leftOut: LeftOut & { readonly unreadable: number };
  readonly wrong: readonly string[];
  readonly missing: readonly string[];
  readonly changed: readonly string[];
  /** Parts that were published and of which no result came. */
  readonly lostParts: number;
}

/** Files that are named where there are many. */
const NAMED = 5;

export function progressLine({ files, filesInAll, bytes, bytesInAll, elapsedMs }: Progress): string {
  const percent = bytesInAll === 0 ? 100 : Math.min(100, Math.floor((100 * bytes) / bytesInAll));
  const checked = `${formatCount(files)} of ${plural(filesInAll, "file")} checked`;
  return `${String(percent).padStart(3)} %  ${checked}, ${formatBytes(bytes)}, ${rate(bytes, elapsedMs)}`;
}

/** Whether everything that could be read arrived as it is. */
export function isWhole({ wrong, missing, lostParts }: Outcome): boolean {
  return wrong.length === 0 && missing.length === 0 && lostParts === 0;
}

/** The lines at the end. */
export function summary(outcome: Outcome): string {
  const { files, bytes, parts, elapsedMs, shares, leftOut, changed } = outcome;
  const whole = shares.reduce((sum, share) => sum + share.parts, 0);
  const share = (part: number): string => `${whole === 0 ? 0 : Math.round((1000 * part) / whole) / 10} %`;
  const lines = [
    `files    ${formatCount(files)} verified by SHA-256, ${formatBytes(bytes)} in ${plural(parts, "part")} of at most 256 KiB`,
    `rate     ${rate(bytes, elapsedMs)}, ${formatCount((1000 * parts) / Math.max(1, elapsedMs))} parts/s, in ${(elapsedMs / 1000).toFixed(2)} s`,
    `workers  ${shares.map((each, i) => `${i + 1}: ${plural(each.parts, "part")}, ${formatBytes(each.bytes)} (${share(each.parts)})`).join("; ")}`,
  ];
  const left = leftOutNote(leftOut);
  if (left !== "") lines.push(`left out ${left}`);
  if (changed.length > 0) lines.push(`changed  while it was read: ${named(changed)}`);
  lines.push(isWhole(outcome) ? "lost     nothing: every part arrived, each as it was sent" : failure(outcome));
  return `${lines.join("\n")}\n`;
}

/** What was found that is no file to be moved; empty where nothing was. */
export function leftOutNote({ links, special, unreadable, unreadableFolders }: Outcome["leftOut"]): string {
  const left = [
    [links, "symbolic link"],
    [special, "special file"],
    [unreadable, "unreadable file"],
    [unreadableFolders, "unreadable folder"],
  ] as const;
  const some = left.filter(([count]) => count > 0).map(([count, noun]) => plural(count, noun));
  return some.join(", ");
}

function failure({ wrong, missing, lostParts }: Outcome): string {
  const lines = [];
  if (wrong.length > 0) lines.push(`WRONG    ${named(wrong)}`);
  if (missing.length > 0) lines.push(`MISSING  ${named(missing)}`);
  if (lostParts > 0) lines.push(`LOST     ${plural(lostParts, "part")}`);
  return lines.join("\n");
}

function named(paths: readonly string[]): string {
  const shown = paths.slice(0, NAMED).map((path) => printable(path, 120));
  return `${plural(paths.length, "file")}: ${shown.join(", ")}${paths.length > NAMED ? ", …" : ""}`;
}

function rate(bytes: number, elapsedMs: number): string {
  return `${formatBytes(Math.round((1000 * bytes) / Math.max(1, elapsedMs)))}/s`;
}

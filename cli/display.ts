// How a message's payload is shown: on a line for people, as JSON for programs, or as its bytes. Pure.

import { isUtf8 } from "node:buffer";

import { printable } from "../shared/printable.ts";

/** Bytes that are not text are cut to so many on a terminal. Elsewhere nothing is cut. */
const SHOWN_BYTES = 64;

const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * `data` on one line. Text is itself, bytes are text where they are UTF-8 and `0x…` where not, all else is JSON. On a terminal no
 * control character gets through, so that no message can steer it; elsewhere only line breaks are escaped.
 */
export function displayLine(data: unknown, isTerminal: boolean): string {
  return onOneLine(toText(data, isTerminal), isTerminal);
}

/** `text` likewise. */
export function onOneLine(text: string, isTerminal: boolean): string {
  if (isTerminal) return printable(text.replace(/[\n\r\t]/g, (char) => SHORT[char]!));
  return text.replace(/[\n\r]/g, (char) => SHORT[char]!);
}

/**
 * `data` as a block of its own, which ends its last line: what {@link displayLine} shows, but with the line breaks that it has.
 */
export function displayBlock(data: unknown, isTerminal: boolean): string {
  const text = toText(data, isTerminal);
  const shown = isTerminal ? text.replace(/[^\n\t]+/g, (part) => printable(part)) : text;
  return shown.endsWith("\n") ? shown : `${shown}\n`;
}

/** Exactly what was sent, for `--raw`: bytes and text as they are, all else as JSON. */
export function rawBytes(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  return Buffer.from(typeof data === "string" ? data : toJson(data));
}

/** JSON on one line. Bytes are `{"base64": "…"}`, integers beyond 2^53 text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, replace) ?? "null";
}

function toText(data: unknown, isTerminal: boolean): string {
  if (typeof data === "string") return data;
  if (!(data instanceof Uint8Array)) return toJson(data);
  if (isUtf8(data)) return Buffer.from(data.buffer, data.byteOffset, data.length).toString();
  if (!isTerminal || data.length <= SHOWN_BYTES) return `0x${hex(data)}`;
  return `0x${hex(data.subarray(0, SHOWN_BYTES))}… (${data.length} bytes)`;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** A Buffer has a toJSON of its own, which has run before this is asked: so its holder is looked at. */
function replace(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key];
  if (original instanceof Uint8Array) return { base64: Buffer.from(original).toString("base64") };
  return typeof value === "bigint" ? String(value) : value;
}

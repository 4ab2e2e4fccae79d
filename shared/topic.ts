// The grammar of topics and patterns (docs/protocol.md, Frames), for bytes as the broker reads them and for strings as clients
// and the command take them, and the plain meaning of a match. Pure: it knows no subscription, rule or frame.
// Cost: one pass over the bytes; nothing is allocated where they are valid. `matches` splits both of its strings: it is for
// single questions, and the reference that broker/core/trie.ts is tested against.
//
//   topic     orders.eu.created     1 to 255 bytes of UTF-8, tokens joined by "."
//   pattern   orders.*.created      "*" stands for exactly one token
//             orders.>              ">" for one or more, at the end

import { PodbusError } from "./errors.ts";
import { MAX_TOPIC_BYTES } from "./protocol.ts";
import { quote, quoteBytes } from "./quote.ts";

const DOT = 0x2e;
const STAR = 0x2a;
const REST = 0x3e;
const DOLLAR = 0x24;

/** What {@link findFault} found, above the byte's offset in the low eight bits. 0 as a whole is "none". */
const Fault = { LENGTH: 1, UTF8: 2, CONTROL: 3, EMPTY_TOKEN: 4, WILDCARD: 5 } as const;

type Kind = "topic" | "pattern";

/**
 * Why the bytes from `start` to `end` are no topic, in one line that says what was expected and what came, or undefined
 * where they are one. `noun` is what the line calls them: the name of a queue, say, follows the same rules.
 */
export function topicProblem(buf: Uint8Array, start: number, end: number, noun = "topic"): string | undefined {
  const fault = findFault(buf, start, end, false);
  return fault === 0 ? undefined : describe(fault, buf, start, end, "topic", noun);
}

/** Why the bytes from `start` to `end` are no pattern, likewise. */
export function patternProblem(buf: Uint8Array, start: number, end: number, noun = "pattern"): string | undefined {
  const fault = findFault(buf, start, end, true);
  return fault === 0 ? undefined : describe(fault, buf, start, end, "pattern", noun);
}

/** {@link topicProblem} for a string. One with a lone surrogate has no UTF-8 and is refused, not repaired. */
export function topicTextProblem(topic: string, noun = "topic"): string | undefined {
  return textProblem(topic, "topic", noun);
}

/** {@link patternProblem} for a string. */
export function patternTextProblem(pattern: string, noun = "pattern"): string | undefined {
  return textProblem(pattern, "pattern", noun);
}

/** Throws a {@link PodbusError} `bad_topic` where `topic` is none. */
export function checkTopic(topic: string): void {
  const problem = topicTextProblem(topic);
  if (problem !== undefined) throw new PodbusError("bad_topic", problem);
}

/** Throws a {@link PodbusError} `bad_pattern` where `pattern` is none. */
export function checkPattern(pattern: string): void {
  const problem = patternTextProblem(pattern);
  if (problem !== undefined) throw new PodbusError("bad_pattern", problem);
}

/** Whether a topic (or a pattern) is among the broker's own, whose first token begins with `$`. */
export function isSystemTopic(topic: string): boolean {
  return topic.charCodeAt(0) === DOLLAR;
}

/** {@link isSystemTopic} for a valid topic (or pattern) whose bytes begin at `start`. */
export function isSystemTopicAt(buf: Uint8Array, start: number): boolean {
  return buf[start] === DOLLAR;
}

/** The tokens of a valid topic or pattern: at least one. */
export function tokensOf(topic: string): string[] {
  return topic.split(".");
}

/** Whether `pattern` matches `topic`; both must be valid. A pattern that begins with a wildcard matches no `$` topic. */
export function matches(pattern: string, topic: string): boolean {
  const wanted = tokensOf(pattern);
  const tokens = tokensOf(topic);
  if (isSystemTopic(topic) && (wanted[0] === "*" || wanted[0] === ">")) return false;
  for (const [i, token] of wanted.entries()) {
    if (i >= tokens.length) return false;
    if (token === ">") return true;
    if (token !== "*" && token !== tokens[i]) return false;
  }
  return wanted.length === tokens.length;
}

/**
 * Whether `granted` matches every topic that `wanted` matches; both must be valid patterns. `a.*` covers `a.b` and `a.*`, not `a.>`;
 * one that begins with a wildcard covers nothing of the broker's own.
 */
export function covers(granted: string, wanted: string): boolean {
  const has = tokensOf(granted);
  const asks = tokensOf(wanted);
  if (isSystemTopic(wanted) && (has[0] === "*" || has[0] === ">")) return false;
  for (const [i, token] of has.entries()) {
    if (i >= asks.length) return false;
    if (token === ">") return true;
    if (asks[i] === ">" || (token !== "*" && token !== asks[i])) return false;
  }
  return has.length === asks.length;
}

/** 0, or the first fault and where it is: `Fault << 8 | offset`, which fits because nothing above 255 bytes is looked at. */
function findFault(buf: Uint8Array, start: number, end: number, isPattern: boolean): number {
  const length = end - start;
  if (length < 1 || length > MAX_TOPIC_BYTES) return Fault.LENGTH << 8;
  let tokenStart = start;
  let at = start;
  while (at < end) {
    const byte = buf[at]!;
    if (byte > REST && byte < 0x7f) {
      at++; // letters, mostly
    } else if (byte >= 0x80) {
      const bytes = sequenceLength(buf, at, end);
      if (bytes === 0) return (Fault.UTF8 << 8) | (at - start);
      at += bytes;
    } else if (byte === DOT) {
      if (at === tokenStart) return (Fault.EMPTY_TOKEN << 8) | (at - start);
      tokenStart = ++at;
    } else if (byte <= 0x20 || byte === 0x7f) {
      return (Fault.CONTROL << 8) | (at - start);
    } else if (byte === STAR || byte === REST) {
      const next = at + 1;
      const whole = at === tokenStart && (next === end || (byte === STAR && buf[next] === DOT));
      if (!isPattern || !whole) return (Fault.WILDCARD << 8) | (at - start);
      at = next;
    } else {
      at++;
    }
  }
  return tokenStart === end ? (Fault.EMPTY_TOKEN << 8) | (length - 1) : 0;
}

/**
 * Bytes of the sequence that begins at `at` with a byte from 0x80, or 0 where it is malformed, by the table of RFC 3629,
 * section 4: the bounds of the second byte exclude overlong forms, surrogates, and what is above U+10FFFF.
 */
function sequenceLength(buf: Uint8Array, at: number, end: number): number {
  const first = buf[at]!;
  if (first < 0xc2 || first > 0xf4) return 0;
  const bytes = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (at + bytes > end) return 0;
  const second = buf[at + 1]!;
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let i = at + 2; i < at + bytes; i++) if ((buf[i]! & 0xc0) !== 0x80) return 0;
  return bytes;
}

/** Holds a string of MAX_TOPIC_BYTES units in UTF-8, at most three bytes a unit. */
const scratch = new Uint8Array(MAX_TOPIC_BYTES * 3);
const encoder = new TextEncoder();
const LONE_SURROGATE = /\p{Surrogate}/u;

function textProblem(text: string, kind: Kind, noun: string): string | undefined {
  if (typeof text !== "string")
    return `a ${noun} must be a string, but this is ${text === null ? "null" : typeof text}`;
  if (text.length > MAX_TOPIC_BYTES) return tooLong(noun, quote(text), encoder.encode(text).length);
  const end = encoder.encodeInto(text, scratch).written;
  const fault = findFault(scratch, 0, end, kind === "pattern");
  if (fault !== 0) return describe(fault, scratch, 0, end, kind, noun);
  // The encoder puts U+FFFD, three bytes, in the place of a lone surrogate: where there are no such bytes, there is none.
  if (end === text.length) return undefined;
  return LONE_SURROGATE.test(text)
    ? `a ${noun} must be well-formed Unicode, but ${quote(text)} has half of a surrogate pair`
    : undefined;
}

function tooLong(noun: string, shown: string, bytes: number): string {
  return `a ${noun} must be 1 to ${MAX_TOPIC_BYTES} bytes of UTF-8, but ${shown} is ${bytes}`;
}

function describe(fault: number, buf: Uint8Array, start: number, end: number, kind: Kind, noun: string): string {
  if (end <= start) return `a ${noun} must be 1 to ${MAX_TOPIC_BYTES} bytes of UTF-8, but this is empty`;
  const shown = quoteBytes(buf, start, end);
  const offset = fault & 0xff;
  const byte = buf[start + offset]!;
  switch (fault >> 8) {
    case Fault.LENGTH:
      return tooLong(noun, shown, end - start);
    case Fault.UTF8:
      return `a ${noun} must be well-formed UTF-8, but ${shown} is not, from ${hex(byte)} at byte ${offset} on`;
    case Fault.CONTROL:
      return `a ${noun} must hold no space or control character, but ${shown} has ${hex(byte)} at byte ${offset}`;
    case Fault.EMPTY_TOKEN:
      return `a ${noun} must be tokens joined by ".", none of them empty, but ${shown} has an empty one at byte ${offset}`;
    default: {
      const wildcard = `"${String.fromCharCode(byte)}" at byte ${offset}`;
      if (kind === "topic") {
        return `a ${noun} must hold no "*" or ">", which belong to patterns, but ${shown} has ${wildcard}`;
      }
      return byte === STAR
        ? `in a ${noun} "*" must be a whole token, but ${shown} has ${wildcard} beside other characters`
        : `in a ${noun} ">" must be the whole last token, but ${shown} has ${wildcard}`;
    }
  }
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}

// What handlers settled in this turn, as few ACK frames as it takes: numbers that follow each other are one range. Knows no message
// and no handler. Cost: an addition where messages are settled in order; where not, a sort a turn.
//
// Before a handler is called, what waits is written where it waits for long already, or matters: a handler that ends the process takes
// what was not written along, and the broker would count its attempt against a message that is done.

import type { FrameWriter } from "../shared/codec/write.ts";
import { Op } from "../shared/protocol.ts";

/** What becomes of a message. */
export const Verdict = { DONE: 0, AGAIN: 1, REJECT: 2, WORKING: 3 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** How long handlers may go on before what they settled is written. */
const MAX_WAIT_MS = 1;
/** Ranges of one sid that may wait before they are written within the turn. */
const MAX_RANGES = 4096;

interface Range {
  first: number;
  last: number;
}

export interface AckSink {
  readonly writer: FrameWriter;
  /** Called once something waits to be written. */
  touched(): unknown;
  /** Writes what waits now. */
  write(): void;
  nowMs(): number;
}

export class Acks {
  readonly #sink: AckSink;
  readonly #done = new Map<number, Range[]>();
  /** Whether something waits for the turn's end, and whether it should not. */
  #isWaiting = false;
  #isUrgent = false;
  /** When the first of the handlers was called whose settlements wait. */
  #calledMs = 0;

  constructor(sink: AckSink) {
    this.#sink = sink;
  }

  settle(sid: number, seq: number, verdict: Verdict, delayMs?: number): void {
    if (verdict !== Verdict.DONE) {
      this.settleRange(sid, seq, seq, verdict, delayMs);
      return;
    }
    let ranges = this.#done.get(sid);
    if (ranges === undefined) {
      ranges = [];
      this.#done.set(sid, ranges);
      this.#wait();
    }
    const last = ranges.at(-1);
    if (last !== undefined && last.last + 1 === seq) last.last = seq;
    else ranges.push({ first: seq, last: seq });
    if (ranges.length >= MAX_RANGES) this.flush();
  }

  settleRange(sid: number, first: number, last: number, verdict: Verdict, delayMs?: number): void {
    const w = this.#sink.writer;
    w.frame(delayMs === undefined ? 5 : 6, Op.ACK)
      .int(sid)
      .int(first)
      .int(last)
      .int(verdict);
    if (delayMs !== undefined) w.int(delayMs);
    this.#wait();
  }

  /** What waits is not to be lost: work of some length, or a message that had failed before. */
  hurry(): void {
    this.#isUrgent = this.#isWaiting;
  }

  /** A handler is about to be called. */
  beforeHandler(): void {
    const now = this.#sink.nowMs();
    if (this.#isWaiting && (this.#isUrgent || now - this.#calledMs >= MAX_WAIT_MS)) this.#sink.write();
    if (!this.#isWaiting) this.#calledMs = now;
  }

  /** Puts what waits into the writer, right before that is written. */
  flush(): void {
    this.#isWaiting = this.#isUrgent = false;
    if (this.#done.size === 0) return;
    const w = this.#sink.writer;
    for (const [sid, ranges] of this.#done) {
      for (const { first, last } of merge(ranges)) {
        w.frame(5, Op.ACK).int(sid).int(first).int(last).int(Verdict.DONE);
      }
    }
    this.#done.clear();
  }

  /** The connection is gone, and all numbers with it. */
  reset(): void {
    this.#done.clear();
    this.#isWaiting = this.#isUrgent = false;
  }

  #wait(): void {
    this.#isWaiting = true;
    this.#sink.touched();
  }
}

/** Joins ranges that touch each other; they do not overlap. */
function merge(ranges: Range[]): Range[] {
  if (ranges.length === 1) return ranges;
  ranges.sort((a, b) => a.first - b.first);
  const merged: Range[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && last.last + 1 === range.first) last.last = range.last;
    else merged.push(range);
  }
  return merged;
}

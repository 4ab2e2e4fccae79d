// What handlers settled in this turn, as few ACK frames as it takes: numbers that follow each other are one range. Knows no message
// and no handler. Cost: an addition where messages are settled in order; where not, a sort a turn.

import type { FrameWriter } from "../shared/codec/write.ts";
import { Op } from "../shared/protocol.ts";

/** What becomes of a message. */
export const Verdict = { DONE: 0, AGAIN: 1, REJECT: 2, WORKING: 3 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

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
}

export class Acks {
  readonly #sink: AckSink;
  readonly #done = new Map<number, Range[]>();

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
      this.#sink.touched();
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
    this.#sink.touched();
  }

  /** Writes what waits. */
  flush(): void {
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

// Publishes that can't be sent yet, in order: the broker is away or not taking, or their topic is held. Frames are kept encoded,
// packed into 64 KiB pieces; neighbours of one topic are one run. It knows neither transport nor flow control. Cost: one copy a
// frame, an object a run.

import type { Confirm } from "./confirm.ts";
import { Deque } from "./deque.ts";
import type { Topic } from "./topic-table.ts";

const PIECE_BYTES = 64 * 1024;
/** Frames above this get a buffer of their own. */
const OWN_BYTES = 16 * 1024;
/** What a run costs beside its bytes, so that many tiny ones are charged what they hold. */
export const RUN_OVERHEAD_BYTES = 96;

export interface Run {
  readonly topic: Topic;
  readonly buf: Buffer;
  readonly start: number;
  end: number;
  /** Publishes in it. */
  count: number;
  /** The number of its first publish: see {@link Pieces}. */
  readonly first: number;
  /** Whether it goes on though its topic is held: its publisher is who empties what is full. */
  readonly exempt: boolean;
  /** Whose SYNC follows it. Then it is one publish. */
  readonly confirm: Confirm | undefined;
}

export function runBytes(run: Run): number {
  return run.end - run.start + RUN_OVERHEAD_BYTES;
}

/** Packs frames into pieces and numbers them. */
export class Pieces {
  #piece: Buffer | undefined;
  #used = 0;
  /** The number of the latest publish that was kept. */
  number = 0;

  /** Adds a frame at the end of `queue`. Returns the bytes that it is charged. */
  add(
    queue: Deque<Run>,
    frame: Buffer,
    topic: Topic,
    { exempt = false, confirm }: { exempt?: boolean; confirm?: Confirm | undefined } = {},
  ): number {
    const { buf, start } = this.#place(frame);
    const end = start + frame.length;
    const number = ++this.number;
    const last = queue.last();
    if (
      confirm === undefined &&
      last?.topic === topic &&
      last.confirm === undefined &&
      last.exempt === exempt &&
      last.buf === buf &&
      last.end === start
    ) {
      last.end = end;
      last.count++;
      return frame.length;
    }
    queue.push({ topic, buf, start, end, count: 1, first: number, exempt, confirm });
    return frame.length + RUN_OVERHEAD_BYTES;
  }

  #place(frame: Buffer): { buf: Buffer; start: number } {
    if (frame.length > OWN_BYTES) return { buf: Buffer.from(frame), start: 0 };
    if (this.#piece === undefined || this.#used + frame.length > PIECE_BYTES) {
      this.#piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#piece.set(frame, start);
    this.#used += frame.length;
    return { buf: this.#piece, start };
  }
}

// Messages of a queue that came back: in front of all that was never delivered, in the order of first publication.

import { Run } from "./run.ts";

export class Returned {
  /** By order. What comes back is usually near the front. */
  readonly #runs: Run[] = [];
  messages = 0;
  bytes = 0;
  heldBytes = 0;

  /** The next run to be delivered. */
  get first(): Run | undefined {
    return this.#runs[0];
  }

  add(run: Run): void {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.order < run.order) low = middle + 1;
      else high = middle;
    }
    this.#runs.splice(low, 0, run);
    this.#count(run, 1);
  }

  /** Takes at most `count` messages of the first run. */
  take(count: number): Run | undefined {
    const first = this.#runs[0];
    if (first === undefined) return undefined;
    this.#count(first, -1);
    if (first.count <= count) {
      this.#runs.shift();
      return first;
    }
    const taken = first.cut(count);
    this.#count(first, 1);
    return taken;
  }

  /** Takes all of them. */
  *drain(): Iterable<Run> {
    for (let run = this.take(Number.POSITIVE_INFINITY); run !== undefined; run = this.take(Number.POSITIVE_INFINITY)) {
      yield run;
    }
  }

  *[Symbol.iterator](): Iterator<Run> {
    yield* this.#runs;
  }

  #count(run: Run, sign: 1 | -1): void {
    this.messages += sign * run.count;
    this.bytes += sign * run.bytes;
    this.heldBytes += sign * run.chunk.buf.length;
  }
}

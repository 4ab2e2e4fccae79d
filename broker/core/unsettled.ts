// What one member of an acknowledging queue holds: the runs that were handed to it and are not settled, by their numbers there.
//
//   seq   17 18 19 │ 20 21 │ 24 25 26 27      runs, in the order of seq; gaps are what was settled out of turn
//         └ worked on ┘  └ in the prefetch ┘
//
// Settling from the front, the usual way, costs a step a run; elsewhere a search and, where a run is cut, a look at its frames.

import type { Run } from "./run.ts";

export class Unsettled {
  #runs: Run[] = [];
  #head = 0;
  messages = 0;
  bytes = 0;

  /** Adds a run behind the others. */
  add(run: Run): void {
    this.#runs.push(run);
    this.#count(run, 1);
  }

  /** Takes out those with a seq from `first` to `last`, in order. */
  take(first: number, last: number): Run[] {
    let index = this.#indexOf(first);
    const run = this.#runs[index];
    if (run === undefined || run.seq > last) return [];
    if (run.seq < first) {
      // The part before the range stays: a run of its own, in front of the rest.
      this.#count(run, -1);
      const before = run.cut(first - run.seq);
      this.#runs.splice(index++, 0, before);
      this.#count(before, 1);
      this.#count(run, 1);
    }
    return this.#takeFrom(index, last);
  }

  /** Takes out all of them. */
  takeAll(): Run[] {
    return this.#takeFrom(this.#head, Number.POSITIVE_INFINITY);
  }

  /** The smallest seq that is unsettled and above `seq`, or undefined. */
  after(seq: number): number | undefined {
    const run = this.#runs[this.#indexOf(seq + 1)];
    return run === undefined ? undefined : Math.max(run.seq, seq + 1);
  }

  *[Symbol.iterator](): Iterator<Run> {
    for (let i = this.#head; i < this.#runs.length; i++) yield this.#runs[i]!;
  }

  #takeFrom(index: number, last: number): Run[] {
    const taken: Run[] = [];
    let end = index;
    for (; end < this.#runs.length && this.#runs[end]!.seq <= last; end++) {
      const run = this.#runs[end]!;
      this.#count(run, -1);
      if (run.seq + run.count - 1 <= last) {
        taken.push(run);
        continue;
      }
      taken.push(run.cut(last - run.seq + 1));
      this.#count(run, 1);
      break;
    }
    this.#removeBetween(index, end);
    return taken;
  }

  #removeBetween(start: number, end: number): void {
    if (start !== this.#head) {
      this.#runs.splice(start, end - start);
      return;
    }
    // From the front: only the mark moves, and what lies before it goes when it is more than the rest.
    this.#head = end;
    if (this.#head * 2 > this.#runs.length) {
      this.#runs = this.#runs.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Where the run is that holds `seq`, or else the first behind it. */
  #indexOf(seq: number): number {
    let low = this.#head;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle]!;
      if (run.seq + run.count <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #count(run: Run, sign: 1 | -1): void {
    this.messages += sign * run.count;
    this.bytes += sign * run.bytes;
  }
}

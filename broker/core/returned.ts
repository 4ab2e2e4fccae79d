// Messages of a queue that came back: in front of all that was never delivered, in the order of first publication.

import { Run } from "./run.ts";

export class Returned {
  /** By order, from #head on. What comes back is usually near the front. */
  #runs: Run[] = [];
  #head = 0;
  messages = 0;
  bytes = 0;

  /** The next run to be delivered. */
  get first(): Run | undefined {
    return this.#runs[this.#head];
  }

  add(run: Run): void {
    let low = this.#head;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.order < run.order) low = middle + 1;
      else high = middle;
    }
    if (low === this.#head && low > 0) this.#runs[--this.#head] = run;
    else this.#runs.splice(low, 0, run);
    this.#count(run, 1);
  }

  /** Takes at most `count` messages of the first run. */
  take(count: number): Run | undefined {
    const first = this.#runs[this.#head];
    if (first === undefined) return undefined;
    this.#count(first, -1);
    if (first.count <= count) {
      this.#shift();
      return first;
    }
    const taken = first.cut(count);
    this.#count(first, 1);
    return taken;
  }

  some(is: (run: Run) => boolean): boolean {
    for (const run of this) if (is(run)) return true;
    return false;
  }

  /** Takes the runs of which `is` says so. Costs a look at each. */
  takeIf(is: (run: Run) => boolean): Run[] {
    const taken: Run[] = [];
    const kept: Run[] = [];
    for (const run of this) (is(run) ? taken : kept).push(run);
    if (taken.length === 0) return taken;
    this.#runs = kept;
    this.#head = 0;
    for (const run of taken) this.#count(run, -1);
    return taken;
  }

  /** Takes all of them. */
  *drain(): Iterable<Run> {
    for (let run = this.take(Number.POSITIVE_INFINITY); run !== undefined; run = this.take(Number.POSITIVE_INFINITY)) {
      yield run;
    }
  }

  *[Symbol.iterator](): Iterator<Run> {
    for (let i = this.#head; i < this.#runs.length; i++) yield this.#runs[i]!;
  }

  /** Only the mark moves; what lies before it goes when it is more than the rest. */
  #shift(): void {
    this.#head++;
    if (this.#head * 2 <= this.#runs.length) return;
    this.#runs = this.#runs.slice(this.#head);
    this.#head = 0;
  }

  #count(run: Run, sign: 1 | -1): void {
    this.messages += sign * run.count;
    this.bytes += sign * run.bytes;
  }
}

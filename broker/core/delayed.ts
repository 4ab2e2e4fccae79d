// Messages of a queue that are not to be delivered before a time.

import type { Deadlines, Timed } from "../../shared/deadlines.ts";
import type { Alarm } from "./core.ts";
import type { Run } from "./run.ts";

class Sleeper implements Timed, Alarm {
  heapIndex = -1;
  dueMs = 0;
  dueOrder = 0;
  readonly run: Run;
  readonly #wake: (sleeper: Sleeper) => void;

  constructor(run: Run, wake: (sleeper: Sleeper) => void) {
    this.run = run;
    this.#wake = wake;
  }

  due(): void {
    this.#wake(this);
  }
}

export class Delayed {
  readonly #deadlines: Deadlines<Alarm & Timed>;
  readonly #sleepers = new Set<Sleeper>();
  readonly #woken: (run: Run) => void;
  messages = 0;
  bytes = 0;

  /** @param woken gets each run when its time has come. */
  constructor(deadlines: Deadlines<Alarm & Timed>, woken: (run: Run) => void) {
    this.#deadlines = deadlines;
    this.#woken = woken;
  }

  add(run: Run, untilMs: number): void {
    const sleeper = new Sleeper(run, (it) => {
      this.#remove(it);
      this.#woken(it.run);
    });
    this.#sleepers.add(sleeper);
    this.#count(run, 1);
    this.#deadlines.set(sleeper, untilMs);
  }

  /** Takes the message that was put aside first. */
  takeOldest(): Run | undefined {
    for (const sleeper of this.#sleepers) {
      const { run } = sleeper;
      if (run.count === 1) {
        this.#deadlines.delete(sleeper);
        this.#remove(sleeper);
        return run;
      }
      this.#count(run, -1);
      const first = run.cut(1);
      this.#count(run, 1);
      return first;
    }
    return undefined;
  }

  /** Takes all of them, whatever their time. */
  *drain(): Iterable<Run> {
    for (const sleeper of this.#sleepers) {
      this.#deadlines.delete(sleeper);
      this.#remove(sleeper);
      yield sleeper.run;
    }
  }

  *[Symbol.iterator](): Iterator<Run> {
    for (const { run } of this.#sleepers) yield run;
  }

  #remove(sleeper: Sleeper): void {
    this.#sleepers.delete(sleeper);
    this.#count(sleeper.run, -1);
  }

  #count(run: Run, sign: 1 | -1): void {
    this.messages += sign * run.count;
    this.bytes += sign * run.bytes;
  }
}

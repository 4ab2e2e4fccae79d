// What is to survive the broker: gathered as changes within a turn, written as one, and confirmed when that is on disk. While one write
// is under way the next gathers, so that many publishers share a flush (group commit). What could not be written is tried again
// with the next write; nobody is told that it is safe before it is.

import type { Timed } from "../../shared/deadlines.ts";
import type { Alarm, Core } from "./core.ts";
import type { Change, Store } from "./store.ts";

/** How long after a failed write the next one is tried: a full disk is not asked without pause. */
const PAUSE_MS = 100;

type Done = (error: Error | undefined) => void;

export class Durability implements Timed, Alarm {
  readonly #core: Core;
  readonly #store: Store | undefined;
  /** By key, what is to be written next. A value and whether the key has never been on disk. */
  #changes = new Map<string, { value: Buffer | undefined; isNew: boolean }>();
  /** Who waits for what is gathered. */
  #waiting: Done[] = [];
  #isWriting = false;
  /** Whether the last write failed, and the next has to wait a little. */
  #isPaused = false;
  heapIndex = -1;
  dueMs = 0;
  dueOrder = 0;
  /** What is gathered, in bytes of values. */
  gatheredBytes = 0;
  /** Writes that reached the disk, and those that failed. */
  writes = 0;
  failures = 0;

  constructor(core: Core, store: Store | undefined) {
    this.#core = core;
    this.#store = store;
  }

  /** Whether there is a disk. */
  get isOn(): boolean {
    return this.#store !== undefined;
  }

  /** Whether all that was to be kept is on disk. */
  get isClean(): boolean {
    return this.#changes.size === 0 && !this.#isWriting;
  }

  /** `value` must stay as it is. `isNew`: there was never one under this key, so that its removal may undo it. */
  put(key: string, value: Buffer, isNew = false): void {
    const known = this.#changes.get(key);
    this.gatheredBytes += value.length - (known?.value?.length ?? 0);
    this.#changes.set(key, { value, isNew: known?.isNew ?? isNew });
  }

  remove(key: string): void {
    const known = this.#changes.get(key);
    if (known !== undefined) this.gatheredBytes -= known.value?.length ?? 0;
    if (known?.isNew === true) this.#changes.delete(key);
    else this.#changes.set(key, { value: undefined, isNew: false });
  }

  /** Calls back when all that was gathered so far is on disk, or could not be written. */
  sync(done: Done): void {
    if (this.isClean) return done(undefined);
    this.#waiting.push(done);
    this.begin();
  }

  /** The pause after a failed write is over. */
  due(): void {
    this.#isPaused = false;
    this.begin();
  }

  /** Begins a write of what is gathered, unless one is under way. Called at the end of each turn. */
  begin(): void {
    if (this.#isWriting || this.#isPaused || this.#store === undefined) return;
    this.#core.persist();
    if (this.#changes.size === 0 && this.#waiting.length === 0) return;
    const changes = this.#changes;
    const waiting = this.#waiting;
    this.#changes = new Map();
    this.#waiting = [];
    this.#isWriting = true;
    const written: Change[] = [];
    for (const [key, { value }] of changes) written.push({ key, value });
    this.gatheredBytes = 0;
    this.#store.write(written, (error) => {
      this.#isWriting = false;
      if (error === undefined) this.writes++;
      else this.#failed(changes, error);
      for (const done of waiting) done(error);
      this.#core.flush(); // which begins with what came meanwhile
    });
  }

  /** `changes` may not be on disk: they are gathered anew, beneath what has changed since. */
  #failed(changes: Map<string, { value: Buffer | undefined; isNew: boolean }>, error: Error): void {
    this.failures++;
    this.#isPaused = true;
    this.#core.deadlines.set(this, this.#core.nowMs() + PAUSE_MS);
    this.#core.env.log("error", { error: error.message }, "the data directory could not be written; it is tried again");
    for (const [key, change] of changes) {
      if (this.#changes.has(key)) continue;
      // Whether it reached the disk is not known: its removal has to be written.
      this.#changes.set(key, { value: change.value, isNew: false });
      this.gatheredBytes += change.value?.length ?? 0;
    }
  }
}

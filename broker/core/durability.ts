// What is to survive the broker: gathered as changes within a turn, written as one, and confirmed when that is on disk. While one write
// is under way the next gathers, so that many publishers share a flush (group commit). What could not be written is tried again
// with the next write; nobody is told that it is safe before it is.

import type { Timed } from "../../shared/deadlines.ts";
import type { Alarm, Core } from "./core.ts";
import type { Change, Store } from "./store.ts";

/** How long after a failed write the next one is tried: a full disk is not asked without pause. */
const PAUSE_MS = 100;

/** What is said of things that would have to be on a disk that this broker no longer has. */
export const HANDED_OVER =
  "the broker is ending and has let go of its data directory: what is not settled and not confirmed is for the next one";

type Done = (error: Error | undefined) => void;

export class Durability implements Timed, Alarm {
  readonly #core: Core;
  readonly #store: Store | undefined;
  /** By key, what is to be written next. A value and whether the key has never been on disk. */
  #changes = new Map<string, { value: Buffer | undefined; isNew: boolean }>();
  /** Counts changes: each client remembers up to which of them are its own. */
  version = 0;
  /** Changes up to this are on disk; and will be, once the write under way is done. */
  #writtenVersion = 0;
  #writingVersion = 0;
  /** Who waits for what, in the order of that. */
  #waiting: { version: number; done: Done }[] = [];
  #isWriting = false;
  /** Whether the disk is given up: the next broker has it. */
  isClosed = false;
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
    return this.isClosed || (this.#changes.size === 0 && !this.#isWriting);
  }

  /** `value` must stay as it is. `isNew`: there was never one under this key, so that its removal may undo it. */
  put(key: string, value: Buffer, isNew = false): void {
    this.version++;
    if (this.isClosed) return;
    const known = this.#changes.get(key);
    this.gatheredBytes += value.length - (known?.value?.length ?? 0);
    this.#changes.set(key, { value, isNew: known?.isNew ?? isNew });
  }

  remove(key: string): void {
    this.version++;
    if (this.isClosed) return;
    const known = this.#changes.get(key);
    if (known !== undefined) this.gatheredBytes -= known.value?.length ?? 0;
    if (known?.isNew === true) this.#changes.delete(key);
    else this.#changes.set(key, { value: undefined, isNew: false });
  }

  /** Somebody builds on what was there before: it is to be on disk for that one as well. */
  dependsOnAll(): void {
    this.version++;
  }

  /** Whether the changes up to `version` are on disk. */
  hasWritten(version: number): boolean {
    return version <= this.#writtenVersion;
  }

  /** Calls back when the changes up to `version`, by default all there are, are on disk, or could not be written. */
  sync(done: Done, version: number = this.version): void {
    if (this.hasWritten(version)) return done(undefined);
    if (this.isClosed) return done(closedError());
    this.#waiting.push({ version, done });
    this.begin();
  }

  /**
   * Gives the disk up, once what is gathered was written, or could not be. Calls back then; what changes after that is kept nowhere, and
   * is never confirmed.
   */
  close(done: () => void): void {
    this.#core.persist();
    this.sync(() => {
      // Before the next write begins.
      this.isClosed = true;
      this.#changes.clear();
      this.gatheredBytes = 0;
      this.#core.deadlines.delete(this);
      for (const { done: tell } of this.#waiting.splice(0)) tell(closedError());
      done();
    });
  }

  /** The pause after a failed write is over. */
  due(): void {
    this.#isPaused = false;
    this.begin();
  }

  /** Begins a write of what is gathered, unless one is under way. Called at the end of each turn. */
  begin(): void {
    if (this.#isWriting || this.#isPaused || this.isClosed || this.#store === undefined) return;
    this.#core.persist();
    if (this.#changes.size === 0) return this.#nothingToWrite();
    const changes = this.#changes;
    this.#changes = new Map();
    this.#isWriting = true;
    this.#writingVersion = this.version;
    const written: Change[] = [];
    for (const [key, { value }] of changes) written.push({ key, value });
    this.gatheredBytes = 0;
    this.#store.write(written, (error) => {
      this.#isWriting = false;
      if (error === undefined) this.#succeeded();
      else this.#failed(changes, error);
      const waiting = this.#waiting.filter(({ version }) => version <= this.#writingVersion);
      this.#waiting = this.#waiting.filter(({ version }) => version > this.#writingVersion);
      for (const { done } of waiting) done(error);
      this.#core.flush(); // which begins with what came meanwhile
    });
  }

  /** What came was undone before it was written, or was there already. */
  #nothingToWrite(): void {
    this.#writtenVersion = this.#writingVersion = this.version;
    for (const { done } of this.#waiting.splice(0)) done(undefined);
  }

  #succeeded(): void {
    this.writes++;
    this.#writtenVersion = this.#writingVersion;
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

function closedError(): Error {
  return new Error(HANDED_OVER);
}

// A disk in a test's hands: writes wait until the test says what becomes of them, and only what was written as a whole survives.

import type { Change, Store } from "../../broker/core/store.ts";

export class SimulatedStore implements Store {
  readonly #values: Map<string, Buffer>;
  #pending: { changes: readonly Change[]; done: (error: Error | undefined) => void } | undefined;
  /** Writes that became whole. */
  writes = 0;

  constructor(values: ReadonlyMap<string, Buffer> = new Map()) {
    this.#values = new Map(values);
  }

  get isWriting(): boolean {
    return this.#pending !== undefined;
  }

  /** What a broker that is started now would find. */
  get values(): ReadonlyMap<string, Buffer> {
    return this.#values;
  }

  *entries(): Iterable<{ key: string; value: Buffer }> {
    const sorted = [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, value] of sorted) yield { key, value };
  }

  write(changes: readonly Change[], done: (error: Error | undefined) => void): void {
    if (this.#pending !== undefined) throw new Error("there is one write at a time");
    this.#pending = { changes, done };
  }

  /** The write that is under way becomes whole. */
  complete(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#apply(pending.changes);
    this.#pending = undefined;
    pending.done(undefined);
  }

  /** The write that is under way fails. Whether it is on disk all the same, `isThere` says. */
  fail(isThere: boolean): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    if (isThere) this.#apply(pending.changes);
    this.#pending = undefined;
    pending.done(new Error("no space left on device"));
  }

  /** The broker dies. What was under way is there, or not. */
  crash(isThere: boolean): SimulatedStore {
    if (isThere && this.#pending !== undefined) this.#apply(this.#pending.changes);
    this.#pending = undefined;
    return new SimulatedStore(this.#values);
  }

  #apply(changes: readonly Change[]): void {
    this.writes++;
    for (const { key, value } of changes) {
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, Buffer.from(value));
    }
  }
}

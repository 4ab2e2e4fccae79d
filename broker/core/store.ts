// What durability needs of a disk: changes written as one, all or none, and all that is there read back at the start. lmdb is one
// implementation (broker/lmdb-store.ts), a simulated disk can be another. Keys are bytes as latin1 text, ordered as bytes.

/** A value that is put in the place of the one there was, or the removal of it. */
export interface Change {
  readonly key: string;
  readonly value: Buffer | undefined;
}

export interface Store {
  /** Everything there is, by key. Called once, before any write. */
  entries(): Iterable<{ key: string; value: Buffer }>;
  /**
   * Writes `changes` as one. Calls back once they are on disk, flushed, or with the error for which none of them may be. There is
   * one write at a time.
   */
  write(changes: readonly Change[], done: (error: Error | undefined) => void): void;
}

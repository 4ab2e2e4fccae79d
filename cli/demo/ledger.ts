// The collector's books: what each file should be, by its own reading, and what the workers found. A file is settled once both are
// there. Pure: it knows no bus and no file system. What it holds for a file that is settled is one byte.

/** How a file ended. */
export const Outcome = { OPEN: 0, VERIFIED: 1, UNREADABLE: 2, DISPUTED: 3 } as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

interface Open {
  /** Digests by the collector's own reading; null where it could not read the file. */
  own: readonly Uint8Array[] | null | undefined;
  /** Digests by the workers. */
  found: (Uint8Array | undefined)[];
  count: number;
  /** The producer could not read it, or not to its end. */
  isUnreadable: boolean;
}

export class Ledger {
  readonly #outcomes: Outcome[] = [];
  readonly #open = new Map<number, Open>();
  /** Results that came. */
  results = 0;
  verifiedFiles = 0;
  verifiedParts = 0;

  /** Files for which both sides could tell, and did not agree, or which one of them could not read. */
  get disputed(): number[] {
    return this.#outcomes.flatMap((outcome, file) => (outcome === Outcome.DISPUTED ? [file] : []));
  }

  get unreadable(): number {
    return this.#outcomes.reduce((count: number, outcome) => count + Number(outcome === Outcome.UNREADABLE), 0);
  }

  /** Files of which something is still awaited. */
  get unsettled(): number[] {
    return [...this.#open.keys()];
  }

  /** The collector's own digests of a file; null where it could not read it. */
  expect(file: number, digests: readonly Uint8Array[] | null): void {
    const open = this.#at(file);
    if (open === undefined) return;
    open.own = digests;
    this.#settle(file, open);
  }

  /** A worker's result. */
  found(file: number, part: number, digest: Uint8Array): void {
    this.results++;
    const open = this.#at(file);
    if (open === undefined || open.found[part] !== undefined) return;
    open.found[part] = digest;
    open.count++;
    this.#settle(file, open);
  }

  /** The producer could not read a file. */
  skipped(file: number): void {
    const open = this.#at(file);
    if (open === undefined) return;
    open.isUnreadable = true;
    this.#settle(file, open);
  }

  #at(file: number): Open | undefined {
    if ((this.#outcomes[file] ?? Outcome.OPEN) !== Outcome.OPEN) return undefined;
    let open = this.#open.get(file);
    if (open === undefined) {
      open = { own: undefined, found: [], count: 0, isUnreadable: false };
      this.#open.set(file, open);
      this.#outcomes[file] = Outcome.OPEN;
    }
    return open;
  }

  #settle(file: number, open: Open): void {
    const { own, found, count, isUnreadable } = open;
    if (own === undefined) return;
    if (isUnreadable) this.#end(file, own === null ? Outcome.UNREADABLE : Outcome.DISPUTED);
    else if (own !== null && count >= own.length) {
      const agrees =
        found.length === own.length && own.every((digest, part) => Buffer.compare(digest, found[part]!) === 0);
      this.#end(file, agrees ? Outcome.VERIFIED : Outcome.DISPUTED);
      if (!agrees) return;
      this.verifiedFiles++;
      this.verifiedParts += count;
    }
  }

  #end(file: number, outcome: Outcome): void {
    this.#outcomes[file] = outcome;
    this.#open.delete(file);
  }
}

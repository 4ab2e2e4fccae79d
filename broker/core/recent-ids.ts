// The message ids that a queue has taken lately, to know a message that its publisher sends again. In the order in which they came,
// so that old ones are found at the front; bounded, the oldest going first.

/** Ids that are remembered at the most: about 100 bytes each. */
const MAX_IDS = 100_000;

export class RecentIds {
  readonly #untilMs = new Map<string, number>();

  readonly #forgotten: (id: string) => void;

  /** @param forgotten is told of each id that is not remembered any longer. */
  constructor(forgotten: (id: string) => void) {
    this.#forgotten = forgotten;
  }

  get size(): number {
    return this.#untilMs.size;
  }

  /** Whether `id` is remembered. Its own time counts: the window may have changed, and what came from the disk is in no order. */
  has(id: string, nowMs: number): boolean {
    return (this.#untilMs.get(id) ?? Number.NEGATIVE_INFINITY) > nowMs;
  }

  /** Remembers `id` until `untilMs`. */
  add(id: string, nowMs: number, untilMs: number): void {
    this.#untilMs.delete(id);
    for (const [oldest, until] of this.#untilMs) {
      if (until > nowMs && this.#untilMs.size < MAX_IDS) break;
      this.#untilMs.delete(oldest);
      this.#forgotten(oldest);
    }
    this.#untilMs.set(id, untilMs);
  }

  /** Forgets all of them. */
  clear(): void {
    for (const id of this.#untilMs.keys()) this.#forgotten(id);
    this.#untilMs.clear();
  }
}

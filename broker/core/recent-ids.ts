// The message ids that a queue has taken lately, to know a message that its publisher sends again. In the order in which they came,
// so that old ones are found at the front; bounded, the oldest going first.

/** Ids that are remembered at the most: about 100 bytes each. */
const MAX_IDS = 100_000;

export class RecentIds {
  readonly #untilMs = new Map<string, number>();

  readonly #forgotten: (id: string) => void;

  /** @param forgotten is told of each id whose time is over. */
  constructor(forgotten: (id: string) => void) {
    this.#forgotten = forgotten;
  }

  /** Remembers `id` until `untilMs`. False where it is remembered already: its time is not renewed. */
  add(id: string, nowMs: number, untilMs: number): boolean {
    for (const [oldest, until] of this.#untilMs) {
      if (until > nowMs && this.#untilMs.size < MAX_IDS) break;
      this.#untilMs.delete(oldest);
      this.#forgotten(oldest);
    }
    if (this.#untilMs.has(id)) return false;
    this.#untilMs.set(id, untilMs);
    return true;
  }
}

// The message ids that a queue has taken lately, to know a message that its publisher sends again. In the order in which they came,
// so that old ones are found at the front; bounded, the oldest going first.

/** Ids that are remembered at the most: about 100 bytes each. */
const MAX_IDS = 100_000;

export class RecentIds {
  readonly #untilMs = new Map<string, number>();

  /** Remembers `id` for `windowMs`. False where it is remembered already: its time is not renewed. */
  add(id: string, nowMs: number, windowMs: number): boolean {
    for (const [oldest, untilMs] of this.#untilMs) {
      if (untilMs > nowMs && this.#untilMs.size < MAX_IDS) break;
      this.#untilMs.delete(oldest);
    }
    if (this.#untilMs.has(id)) return false;
    this.#untilMs.set(id, nowMs + windowMs);
    return true;
  }
}

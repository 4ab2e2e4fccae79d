// Whom a receiver found publish when it was full, for sure, since it was last half empty: by peer and topic, and by peer.

export class HeldUp {
  readonly #topics = new Set<string>();
  readonly #peers = new Set<number>();

  /** @param whose peer and topic */
  add(whose: string, peer: number): void {
    this.#topics.add(whose);
    this.#peers.add(peer);
  }

  has(whose: string): boolean {
    return this.#topics.has(whose);
  }

  hasPeer(peer: number): boolean {
    return this.#peers.has(peer);
  }

  /** All of them may go on. */
  clear(): void {
    this.#topics.clear();
    this.#peers.clear();
  }
}

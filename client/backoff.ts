// How long to wait before the next try to connect: full jitter, from 20 ms to 2 s, so that the clients of a broker that comes back do
// not all come at once. (Full jitter: a random part of a time that doubles.)

const BASE_MS = 20;
const CAP_MS = 2_000;

export class Backoff {
  readonly #random: () => number;
  #tries = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  nextMs(): number {
    const most = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(this.#tries++, 16));
    return this.#random() * most;
  }

  /** A connection held: the next trouble is a new one. */
  reset(): void {
    this.#tries = 0;
  }
}

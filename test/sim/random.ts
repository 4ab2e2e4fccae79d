// Chance from a seed: sfc32, on 32-bit integers alone, so that every Node draws the same. Each client, the network, the disk and the
// clock of a run have a stream of their own: to leave one of them out does not change what the others draw.

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: number) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = Math.imul(seed ^ 0x5bd1e995, stream + 0x9e3779b9) | 0;
    for (let i = 0; i < 12; i++) this.next();
  }

  /** 32 bits. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** An integer from 0 to `end`, `end` excluded. */
  below(end: number): number {
    return this.next() % end;
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + (this.next() % (most - least + 1));
  }

  /** True in `percent` of a hundred cases. */
  percent(percent: number): boolean {
    return this.next() % 100 < percent;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.next() % from.length]!;
  }

  /** From 0 to 1, 1 excluded. */
  unit(): number {
    return this.next() / 0x1_0000_0000;
  }
}

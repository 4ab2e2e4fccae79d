// A seeded source of chance: the same numbers for the same seed, on every machine. mulberry32 (public domain, Tommy Ettinger), which
// passes what a fuzzer asks of it and costs a few nanoseconds. The simulation has its own (test/sim/random.ts), which its kept seeds rest on.

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** For a test whose order of events the machine decides anyway: from a seed that is printed, or given in PODBUS_FAULT_SEED. */
  static announced(what: string): Random {
    const seed = Number(process.env["PODBUS_FAULT_SEED"] ?? Date.now() % 1_000_000);
    console.log(`${what}: seed ${seed} (PODBUS_FAULT_SEED)`);
    return new Random(seed);
  }

  /** For the `index`-th of many that each have their own. */
  static of(seed: number, index: number): Random {
    return new Random(Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  }

  /** 0 … 2^32 - 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** 0 … `limit` - 1. */
  below(limit: number): number {
    return limit <= 1 ? 0 : this.next() % limit;
  }

  /** 0 … 1, without the 1. */
  fraction(): number {
    return this.next() / 2 ** 32;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.next() >>> 24));
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.next() % n === 0;
  }

  /** Mostly small, seldom up to `limit` - 1. */
  small(limit: number): number {
    return this.below(1 + this.below(1 + this.below(limit)));
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

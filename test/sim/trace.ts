// What happened in a run, as a hash: the same for a seed on every run and every Node. With `lines` it is kept as text as well, to be
// read when a seed has failed.

export class Trace {
  #low = 0x811c9dc5;
  #high = 0x1b873593;
  /** The last lines, where somebody wants to read them. */
  readonly lines: string[] | undefined;

  constructor(isKept: boolean) {
    this.lines = isKept ? [] : undefined;
  }

  add(a: number, b: number, c: number): void {
    this.#mix(a);
    this.#mix(b);
    this.#mix(c);
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ (value + (this.#low >>> 15)), 0x85ebca6b);
  }

  say(text: () => string): void {
    this.lines?.push(text());
  }

  get hash(): string {
    return (this.#low >>> 0).toString(16).padStart(8, "0") + (this.#high >>> 0).toString(16).padStart(8, "0");
  }
}

/** What the protocol or the books forbid. */
export class Violation extends Error {}

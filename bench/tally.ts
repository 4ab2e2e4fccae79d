// A receiver's books: whether every message came, once, in order and whole, and when the first and the last of those that count
// came. Cost: a few comparisons a message; the clock is read for marked messages only.

import { FIRST, marksOf, numberOf, readStamp } from "./stamp.ts";

/**
 * `all`: this receiver gets every message, so each number is one more than the last. `share`: it gets some of them, the others go to
 * other members of its queue, so numbers grow.
 */
export type Expectation = "all" | "share";

export interface TallyResult {
  readonly count: number;
  /** Sum and mix of the numbers, which together with the count tell whether shares make up the whole. */
  readonly sum: number;
  readonly mix: number;
  /** When the message came from which on the rate counts, and when the last of the tail; 0 where none came here. */
  readonly firstNs: number;
  readonly lastNs: number;
  /** What was wrong first, if anything. */
  readonly fault: string | undefined;
}

export class Tally {
  count = 0;
  readonly #expectation: Expectation;
  readonly #bytes: number;
  readonly #nowNs: () => number;
  #next = 0;
  #sum = 0;
  #mix = 0;
  #firstNs = 0;
  #lastNs = 0;
  #fault: string | undefined;

  /** @param bytes the size of each message */
  constructor(expectation: Expectation, bytes: number, nowNs: () => number) {
    this.#expectation = expectation;
    this.#bytes = bytes;
    this.#nowNs = nowNs;
  }

  /** Takes the message in `buf[start, end)`. */
  take(buf: Uint8Array, start: number, end: number): void {
    const stamped = end - start === this.#bytes ? readStamp(buf, start, end) : -1;
    const number = numberOf(stamped);
    if (stamped < 0 || (this.#expectation === "all" ? number !== this.#next : number < this.#next)) {
      this.#wrong(stamped, end - start);
    }
    this.takeNumber(number, marksOf(stamped));
  }

  /** Takes a message that was checked elsewhere. */
  takeNumber(number: number, marks: number): void {
    this.count++;
    this.#next = number + 1;
    this.#sum += number;
    this.#mix = mixIn(this.#mix, number);
    if (marks === 0) return;
    if (marks === FIRST) this.#firstNs = this.#nowNs();
    else this.#lastNs = this.#nowNs();
  }

  result(): TallyResult {
    return {
      count: this.count,
      sum: this.#sum,
      mix: this.#mix,
      firstNs: this.#firstNs,
      lastNs: this.#lastNs,
      fault: this.#fault,
    };
  }

  #wrong(stamped: number, bytes: number): void {
    const got = stamped < 0 ? `one of ${bytes} bytes that is not whole` : `number ${numberOf(stamped)}`;
    const expected = `${this.#expectation === "all" ? "number" : "a number from"} ${this.#next}`;
    this.#fault ??= `expected ${expected}, ${this.#bytes} bytes, and got ${got}`;
  }
}

/** Whether the shares of a queue's members make up `sent` messages, each once. Undefined, or what is wrong. */
export function checkShares(shares: readonly TallyResult[], sent: number): string | undefined {
  const fault = shares.find((share) => share.fault !== undefined)?.fault;
  if (fault !== undefined) return fault;
  const count = shares.reduce((total, share) => total + share.count, 0);
  if (count !== sent) return `${sent} were sent and ${count} came`;
  const sum = shares.reduce((total, share) => total + share.sum, 0);
  const mix = shares.reduce((total, share) => (total + share.mix) | 0, 0);
  let expected = 0;
  for (let number = 0; number < sent; number++) expected = mixIn(expected, number);
  if (sum !== (sent * (sent - 1)) / 2 || mix !== expected)
    return `of ${sent} messages some came twice and others never`;
  return undefined;
}

/** Adds a hash of the number, which must not be linear: the sum is that already. The order does not matter, so shares add up. */
function mixIn(mix: number, number: number): number {
  const hash = Math.imul(number + 1, 0x9e37_79b1);
  return (mix + Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b)) | 0;
}

// The ids and sids of a client: one number space, counted up, so that none is used twice until 2^32 have been.

import { MAX_ID } from "../shared/protocol.ts";

export class Numbers {
  #last: number;
  #wrapped = false;
  readonly #isLive: (number: number) => boolean;

  /**
   * @param isLive whether a number is in use; asked only once all of them have been
   * @param last the number before the first
   */
  constructor(isLive: (number: number) => boolean, last = 0) {
    this.#isLive = isLive;
    this.#last = last;
  }

  next(): number {
    do {
      if (this.#last === MAX_ID) {
        this.#last = 0;
        this.#wrapped = true;
      }
      this.#last++;
    } while (this.#wrapped && this.#isLive(this.#last));
    return this.#last;
  }
}

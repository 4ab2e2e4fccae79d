// Which refused connections are told in the log: some of every second, and of the others how many there were. A flood of them must not
// fill the log. It has no clock of its own.

const MOST_A_SECOND = 10;
const SECOND_MS = 1000;

export class RefusalLog {
  #beganMs = Number.NEGATIVE_INFINITY;
  #told = 0;
  #untold = 0;

  /** Whether the one that comes now is told. */
  tells(nowMs: number): boolean {
    if (nowMs - this.#beganMs >= SECOND_MS) {
      this.#beganMs = nowMs;
      this.#told = 0;
    }
    if (this.#told < MOST_A_SECOND) {
      this.#told++;
      return true;
    }
    this.#untold++;
    return false;
  }

  /** How many were not told since this was last asked. */
  untold(): number {
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }
}

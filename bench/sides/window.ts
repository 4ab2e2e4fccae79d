// Batches for a client that keeps what it is given until it has sent it: each message is copied into a slot, and a full batch is sent while
// the next one fills. At most two batches are under way. Cost: one copy a message; nothing is allocated.

export class Window {
  readonly #batch: number;
  readonly #send: () => Promise<unknown>;
  readonly #slots: (Buffer | undefined)[];
  #at = 0;
  #before: Promise<unknown> = Promise.resolve();

  /**
   * @param batch messages in each
   * @param send sends those that came since it was called last; resolves once the client keeps none of them
   */
  constructor(batch: number, send: () => Promise<unknown>) {
    this.#batch = batch;
    this.#send = send;
    this.#slots = Array.from({ length: 2 * batch }, () => undefined);
  }

  /** Puts a message. `take` is given a copy that stays as it is until its batch is sent. A promise where the caller is to wait. */
  put(payload: Buffer, take: (copy: Buffer) => void): Promise<void> | undefined {
    const slot = this.#slots[this.#at];
    if (slot?.length === payload.length) slot.set(payload);
    take(slot?.length === payload.length ? slot : (this.#slots[this.#at] = Buffer.from(payload)));
    this.#at++;
    if (this.#at % this.#batch !== 0) return undefined;
    if (this.#at === this.#slots.length) this.#at = 0;
    return this.#next();
  }

  /** Resolves once everything is sent. */
  async flush(): Promise<void> {
    await this.#next();
    await this.#before;
  }

  /** Sends a batch; resolves once the one before it is sent. */
  async #next(): Promise<void> {
    const before = this.#before;
    this.#before = this.#send();
    this.#before.catch(() => {}); // told to who awaits it
    await before;
  }
}

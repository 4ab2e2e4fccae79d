// Keeps the messages that slow handlers work on: tells the broker "still at it" before it would deliver them again. One timer a
// subscription, and only while a handler is awaited.

import { DEFAULT_ACK_TIMEOUT_MS } from "../shared/protocol.ts";
import type { Env } from "./env.ts";

export interface Kept {
  readonly settled: boolean;
  working(): void;
}

export class Upkeep {
  readonly #env: Env;
  readonly #everyMs: number;
  /** Since when each is worked on. */
  readonly #kept = new Map<Kept, number>();
  #cancel: (() => void) | undefined;
  #isEnding = false;

  /** @param ackTimeoutMs the queue's; 0: it never delivers again */
  constructor(env: Env, ackTimeoutMs: number = DEFAULT_ACK_TIMEOUT_MS) {
    this.#env = env;
    this.#everyMs = ackTimeoutMs / 3;
  }

  begin(message: Kept): void {
    if (this.#everyMs === 0) return;
    this.#kept.set(message, this.#env.nowMs());
    if (this.#cancel === undefined) this.#tick();
  }

  /** Returns for how many milliseconds it was worked on: 0 where it was not kept. */
  end(message: Kept): number {
    if (this.#kept.size === 0) return 0; // as for handlers that return no promise
    const sinceMs = this.#kept.get(message);
    if (sinceMs === undefined) return 0;
    this.#kept.delete(message);
    // Otherwise the next one mostly begins at once, and the timer ends by itself.
    if (this.#isEnding && this.#kept.size === 0) this.stop();
    return this.#env.nowMs() - sinceMs;
  }

  /** Nothing new begins. */
  finish(): void {
    this.#isEnding = true;
    if (this.#kept.size === 0) this.stop();
  }

  /** Nothing is kept any more. */
  stop(): void {
    this.#kept.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #tick(): void {
    this.#cancel = this.#env.after(this.#everyMs, () => {
      this.#cancel = undefined;
      for (const message of this.#kept.keys()) if (!message.settled) message.working();
      if (this.#kept.size > 0) this.#tick();
    });
  }
}

// Knows whether the code that runs now is a handler, and of which subscription, so that one that publishes into what it empties is
// not made to wait for itself. Within a handler's first, synchronous part that costs an assignment. Behind an `await` it takes
// AsyncLocalStorage, which slows down every promise of the process on Node 20: that is switched on only while a topic is held up
// by this client itself.

import type { AsyncLocalStorage } from "node:async_hooks";

/** A subscription, as far as this file is concerned. */
export interface Scope {
  /** Its handlers (or passes of its loop) under way that began while nothing was tracked. */
  readonly untracked: number;
}

export class HandlerScope {
  #current: Scope | undefined;
  #storage: AsyncLocalStorage<Scope | undefined> | undefined;
  #tracking = false;

  get tracking(): boolean {
    return this.#tracking;
  }

  /** Whose handler the running code belongs to; undefined where to none, or nobody can tell. */
  get current(): Scope | undefined {
    return this.#current ?? (this.#tracking ? this.#storage?.getStore() : undefined);
  }

  /** Calls a handler. */
  run<A, R>(scope: Scope, handler: (argument: A) => R, argument: A): R {
    this.#current = scope;
    try {
      return this.#tracking && this.#storage !== undefined
        ? this.#storage.run(scope, handler, argument)
        : handler(argument);
    } finally {
      this.#current = undefined;
    }
  }

  /** What follows in the caller's async context is a pass of the loop over `scope`, or, without one, no longer is. */
  enter(scope: Scope | undefined): void {
    if (this.#tracking) this.#storage?.enterWith(scope);
  }

  /** Begins to track. It takes a moment to load the first time; handlers that begin before count as untracked. */
  async track(): Promise<void> {
    if (this.#tracking) return;
    if (this.#storage === undefined) {
      const { AsyncLocalStorage } = await import("node:async_hooks");
      this.#storage ??= new AsyncLocalStorage();
    }
    this.#tracking = true;
  }

  untrack(): void {
    if (!this.#tracking) return;
    this.#tracking = false;
    this.#storage?.disable();
  }
}

// One handler at a time, in order. Cost: a handler that returns no promise is just called; one that does is awaited.

import type { Content } from "../content.ts";
import { Gap, type Inbox } from "../inbox.ts";
import { Later } from "../later.ts";
import { type Consumer, isThenable, type Work } from "./consumer.ts";

export class SerialHandler<Item extends Content> implements Consumer<Item> {
  readonly #inbox: Inbox<Item>;
  readonly #work: Work<Item>;
  #busy = false;
  #idle: Later | undefined;
  untracked = 0;

  constructor(inbox: Inbox<Item>, work: Work<Item>) {
    this.#inbox = inbox;
    this.#work = work;
  }

  get active(): boolean {
    return this.#busy;
  }

  deliver(item: Item): boolean {
    if (this.#busy || this.#inbox.length > 0) {
      this.#inbox.add(item);
      return false;
    }
    const isDone = this.#handle(item);
    if (!isDone) this.#inbox.begin(item);
    return isDone;
  }

  gap(gap: Gap): void {
    if (this.#busy || this.#inbox.length > 0) this.#inbox.add(gap);
    else this.#work.gap(gap);
  }

  clear(): Item[] {
    return this.#inbox.clear();
  }

  async finish(): Promise<void> {
    if (!this.#busy) return;
    this.#idle ??= new Later();
    await this.#idle.promise;
  }

  stop(): void {}

  /** False where it is awaited. */
  #handle(item: Item): boolean {
    const work = this.#work;
    let result: unknown;
    let promise: PromiseLike<unknown> | undefined;
    try {
      result = work.call(item);
      if (isThenable(result)) promise = result;
    } catch (error) {
      work.failed(item, error);
      return true;
    }
    if (promise === undefined) {
      work.succeeded(item, result);
      return true;
    }
    this.#busy = true;
    if (!work.isTracking()) this.untracked = 1;
    void this.#await(item, promise);
    return false;
  }

  async #await(item: Item, result: PromiseLike<unknown>): Promise<void> {
    try {
      this.#work.succeeded(item, await result);
    } catch (error) {
      this.#work.failed(item, error);
    }
    this.#busy = false;
    this.untracked = 0;
    this.#inbox.done(item);
    this.#goOn();
  }

  #goOn(): void {
    while (!this.#busy) {
      const item = this.#inbox.shift();
      if (item === undefined) break;
      if (item instanceof Gap) this.#work.gap(item);
      else if (this.#handle(item)) this.#inbox.done(item);
    }
    if (this.#busy) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

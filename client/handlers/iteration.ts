// A `for await` loop over a subscription. One loop at a time; a message counts as worked on until the next one is asked for.

import type { Content } from "../content.ts";
import { Deque } from "../deque.ts";
import { Gap, type Inbox } from "../inbox.ts";
import { Later } from "../later.ts";
import type { Consumer, Work } from "./consumer.ts";

export interface IterationHooks {
  /** The loop was left. Resolves once the subscription has ended. */
  left(): Promise<void>;
  /** Whether the broker waits for what the loop does with it. */
  isOpen(item: unknown): boolean;
  /** What the caller does next is a pass of the loop; or, with false, no longer is. */
  pass(isInside: boolean): void;
}

export class Iteration<Item extends Content> implements Consumer<Item>, AsyncIterator<Item, undefined> {
  readonly #inbox: Inbox<Item>;
  readonly #work: Work<Item>;
  readonly #hooks: IterationHooks;
  readonly #waiting = new Deque<Later<IteratorResult<Item, undefined>>>();
  #current: Item | undefined;
  #started = false;
  #ended = false;
  #error: Error | undefined;
  #released: Later | undefined;
  untracked = 0;

  constructor(inbox: Inbox<Item>, work: Work<Item>, hooks: IterationHooks) {
    this.#inbox = inbox;
    this.#work = work;
    this.#hooks = hooks;
  }

  /** A loop that waits for the next message works on none. */
  get active(): boolean {
    return this.#started && !this.#ended && this.#waiting.length === 0;
  }

  deliver(item: Item): boolean {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#inbox.add(item);
      return false;
    }
    this.#release(); // of several that were asked for at once, the latest counts
    this.#inbox.begin(item);
    this.#current = item;
    this.untracked = this.#work.isTracking() ? 0 : 1;
    waiting.resolve({ done: false, value: item });
    return false;
  }

  gap(gap: Gap): void {
    if (this.#inbox.length > 0) this.#inbox.add(gap);
    else this.#work.gap(gap);
  }

  clear(): Item[] {
    return this.#inbox.clear();
  }

  /** Waits for the pass whose message is to be settled yet, and for no other. */
  async finish(): Promise<void> {
    this.stop(undefined);
    if (this.#current === undefined || !this.#hooks.isOpen(this.#current)) return;
    this.#released ??= new Later();
    await this.#released.promise;
  }

  /** What waits in the inbox is still given to the loop. */
  stop(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    for (const waiting of this.#waiting.clear()) {
      if (error === undefined) waiting.resolve({ done: true, value: undefined });
      else waiting.reject(error);
    }
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    this.#started = true;
    this.#release();
    for (let item = this.#inbox.shift(); item !== undefined; item = this.#inbox.shift()) {
      if (item instanceof Gap) {
        this.#work.gap(item);
        continue;
      }
      this.#current = item;
      this.untracked = this.#work.isTracking() ? 0 : 1;
      this.#hooks.pass(true);
      return Promise.resolve({ done: false, value: item });
    }
    if (this.#ended) {
      this.#hooks.pass(false);
      if (this.#error !== undefined) return Promise.reject(this.#error);
      return Promise.resolve({ done: true, value: undefined });
    }
    this.#hooks.pass(true);
    const later = new Later<IteratorResult<Item, undefined>>();
    this.#waiting.push(later);
    return later.promise;
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    this.#hooks.pass(false);
    this.#release();
    this.stop(undefined);
    await this.#hooks.left();
    return { done: true, value: undefined };
  }

  #release(): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    this.untracked = 0;
    this.#inbox.done(current);
    this.#released?.resolve();
  }
}

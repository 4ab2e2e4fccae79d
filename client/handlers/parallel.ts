// Several handlers at once. Up to a limit p-queue keeps count of those that run; it is loaded with the first subscription that wants
// it, and what comes until then is begun all the same, up to the same limit. A handler that returns no promise is done when it returns,
// and never enters the queue (a task costs 2.5 µs).

import type PQueue from "p-queue";

import type { Content } from "../content.ts";
import { Gap, type Inbox } from "../inbox.ts";
import { Later } from "../later.ts";
import { type Consumer, isThenable, type Work } from "./consumer.ts";

export class ParallelHandlers<Item extends Content> implements Consumer<Item> {
  readonly #inbox: Inbox<Item>;
  readonly #work: Work<Item>;
  readonly #limit: number;
  #queue: PQueue | undefined;
  /** What was begun before the queue was there. */
  #early: Promise<void>[] = [];
  #running = 0;
  #idle: Later | undefined;
  #goingOn = false;
  untracked = 0;

  /** @param limit how many; Infinity for as many as come */
  constructor(inbox: Inbox<Item>, work: Work<Item>, limit: number) {
    this.#inbox = inbox;
    this.#work = work;
    this.#limit = limit;
    if (limit < Infinity) void this.#load();
  }

  get active(): boolean {
    return this.#running > 0;
  }

  deliver(item: Item): void {
    if (this.#isFree && this.#inbox.length === 0) this.#handle(item, false);
    else this.#inbox.add(item);
  }

  gap(gap: Gap): void {
    if (this.#inbox.length > 0) this.#inbox.add(gap);
    else this.#work.gap(gap);
  }

  clear(): Item[] {
    return this.#inbox.clear();
  }

  async finish(): Promise<void> {
    if (this.#isIdle) return;
    this.#idle ??= new Later();
    await this.#idle.promise;
  }

  stop(): void {}

  get #isFree(): boolean {
    return (this.#queue?.pending ?? this.#running) < this.#limit;
  }

  get #isIdle(): boolean {
    return this.#running === 0 && this.#inbox.length === 0;
  }

  async #load(): Promise<void> {
    const { default: Queue } = await import("p-queue");
    const queue = new Queue({ concurrency: this.#limit });
    for (const settled of this.#early) void queue.add(() => settled);
    this.#early = [];
    queue.on("next", () => this.#goOn());
    this.#queue = queue;
    this.#goOn();
  }

  /** @param counted whether the inbox counts it already */
  #handle(item: Item, counted: boolean): void {
    const work = this.#work;
    let result: unknown;
    try {
      result = work.call(item);
    } catch (error) {
      work.failed(item, error);
      if (counted) this.#inbox.done(item);
      return;
    }
    if (!isThenable(result)) {
      work.succeeded(item, result);
      if (counted) this.#inbox.done(item);
      return;
    }
    if (!counted) this.#inbox.begin(item);
    this.#running++;
    const isUntracked = !work.isTracking();
    if (isUntracked) this.untracked++;
    const settled = this.#await(item, result, isUntracked);
    if (this.#queue !== undefined) void this.#queue.add(() => settled);
    else if (this.#limit < Infinity) this.#early.push(settled);
  }

  async #await(item: Item, result: PromiseLike<unknown>, isUntracked: boolean): Promise<void> {
    try {
      this.#work.succeeded(item, await result);
    } catch (error) {
      this.#work.failed(item, error);
    }
    this.#running--;
    if (isUntracked) this.untracked--;
    this.#inbox.done(item);
    if (this.#queue === undefined) this.#goOn();
  }

  #goOn(): void {
    if (this.#goingOn) return;
    this.#goingOn = true;
    while (this.#isFree) {
      const item = this.#inbox.shift();
      if (item === undefined) break;
      if (item instanceof Gap) this.#work.gap(item);
      else this.#handle(item, true);
    }
    this.#goingOn = false;
    if (!this.#isIdle) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

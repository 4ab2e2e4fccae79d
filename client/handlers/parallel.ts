// Several handlers at once. Up to a limit p-queue keeps count of those that run; it is loaded with the first subscription that wants
// it, and what comes until then is begun all the same, up to the same limit. A handler that returns no promise is done when it returns,
// and never enters the queue (a task costs 2.5 µs).
//
// Where items have keys, those of one key are handled one after the other: what comes while one is, waits in its lane and has its place.

import type PQueue from "p-queue";

import type { Content } from "../content.ts";
import { Deque } from "../deque.ts";
import { Gap, type Inbox } from "../inbox.ts";
import { Later } from "../later.ts";
import { type Consumer, isThenable, type Work } from "./consumer.ts";

export interface Keys<Item> {
  /** Undefined: it may be handled beside any other. */
  keyOf(item: Item): string | undefined;
  /** An item waits for another of its key; or, with false, no longer does. */
  waits(item: Item, isWaiting: boolean): void;
}

export class ParallelHandlers<Item extends Content> implements Consumer<Item> {
  readonly #inbox: Inbox<Item>;
  readonly #work: Work<Item>;
  readonly #limit: number;
  readonly #keys: Keys<Item> | undefined;
  /** The keys of which an item is handled, with those that wait for it. */
  readonly #lanes = new Map<string, Deque<Item>>();
  #queue: PQueue | undefined;
  /** What was begun before the queue was there. */
  #early: Promise<void>[] = [];
  #running = 0;
  #idle: Later | undefined;
  #goingOn = false;
  untracked = 0;

  /** @param limit how many; Infinity for as many as come */
  constructor(inbox: Inbox<Item>, work: Work<Item>, limit: number, keys?: Keys<Item>) {
    this.#inbox = inbox;
    this.#work = work;
    this.#limit = limit;
    this.#keys = keys;
    if (limit < Infinity) void this.#load();
  }

  get active(): boolean {
    return this.#running > 0;
  }

  deliver(item: Item): boolean {
    if (this.#isFree && this.#inbox.length === 0) return this.#handle(item, false);
    this.#inbox.add(item);
    return false;
  }

  gap(gap: Gap): void {
    if (this.#inbox.length > 0) this.#inbox.add(gap);
    else this.#work.gap(gap);
  }

  clear(): Item[] {
    const inLanes = [...this.#lanes.values()].flatMap((lane) => lane.clear());
    for (const item of inLanes) {
      this.#keys!.waits(item, false);
      this.#inbox.done(item);
    }
    return [...inLanes, ...this.#inbox.clear()];
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

  /**
   * Whether that was all.
   * @param counted whether the inbox counts it already
   */
  #handle(item: Item, counted: boolean): boolean {
    const key = this.#keys?.keyOf(item);
    const lane = key === undefined ? undefined : this.#lanes.get(key);
    if (lane !== undefined) {
      if (!counted) this.#inbox.begin(item);
      this.#keys!.waits(item, true);
      lane.push(item);
      return false;
    }
    const result = this.#call(item, counted);
    if (result === undefined) return true;
    if (!counted) this.#inbox.begin(item);
    this.#running++;
    if (key !== undefined) this.#lanes.set(key, new Deque());
    const settled = this.#finishAll(item, result, key);
    if (this.#queue !== undefined) void this.#queue.add(() => settled);
    else if (this.#limit < Infinity) this.#early.push(settled);
    return false;
  }

  /** Undefined where that was all; else what is to be awaited. */
  #call(item: Item, counted: boolean): PromiseLike<unknown> | undefined {
    const work = this.#work;
    let result: unknown;
    try {
      result = work.call(item);
      if (isThenable(result)) return result;
    } catch (error) {
      work.failed(item, error);
      if (counted) this.#inbox.done(item);
      return undefined;
    }
    work.succeeded(item, result);
    if (counted) this.#inbox.done(item);
    return undefined;
  }

  /** An item, and those of its key that come meanwhile. */
  async #finishAll(item: Item, result: PromiseLike<unknown>, key: string | undefined): Promise<void> {
    await this.#await(item, result);
    if (key !== undefined) {
      const lane = this.#lanes.get(key)!;
      for (let next = lane.shift(); next !== undefined; next = lane.shift()) {
        this.#keys!.waits(next, false);
        const more = this.#call(next, true);
        if (more !== undefined) await this.#await(next, more);
      }
      this.#lanes.delete(key);
    }
    this.#running--;
    if (this.#queue === undefined) this.#goOn();
  }

  async #await(item: Item, result: PromiseLike<unknown>): Promise<void> {
    const isUntracked = !this.#work.isTracking();
    if (isUntracked) this.untracked++;
    try {
      this.#work.succeeded(item, await result);
    } catch (error) {
      this.#work.failed(item, error);
    }
    if (isUntracked) this.untracked--;
    this.#inbox.done(item);
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

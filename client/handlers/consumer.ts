// What takes a subscription's messages: handlers one after the other, several at once, or a loop. One interface, so that a
// subscription need not know which.

import type { Content } from "../content.ts";
import type { Gap } from "../inbox.ts";

export interface Consumer<Item extends Content> {
  /** Whether it is done with the item, and holds it no longer. */
  deliver(item: Item): boolean;
  gap(gap: Gap): void;
  /** Takes back what waits and was not begun. */
  clear(): Item[];
  /** Nothing more comes. Resolves once what came is done; a loop is told that it ends, and not waited for. */
  finish(): Promise<void>;
  /** Nothing more is wanted; a loop ends, by throwing `error` where there is one. Handlers under way go on. */
  stop(error: Error | undefined): void;
  /** Whether somebody is at work: a handler, or a loop. */
  readonly active: boolean;
  /** See HandlerScope. */
  readonly untracked: number;
}

/** What a consumer does with an item. Functions all: an object literal with a getter in it is slow to look anything up in. */
export interface Work<Item extends Content> {
  /** Calls the handler. */
  call(item: Item): unknown;
  succeeded(item: Item, result: unknown): void;
  failed(item: Item, error: unknown): void;
  gap(gap: Gap): void;
  /** Whether {@link call} keeps track of what it calls, behind its awaits too. */
  isTracking(): boolean;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as PromiseLike<unknown>).then === "function";
}

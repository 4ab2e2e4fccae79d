// What came for one subscription and was not handled yet. Counts its bytes, what handlers are working on among them, and has the
// broker hold the subscription (XOFF sid) when they pass 1 MiB, until half of that is done. Knows neither broker nor handlers.

import { Content } from "./content.ts";
import { Deque } from "./deque.ts";

/** Messages that were lost at this point. */
export class Gap {
  /** How many; undefined where nobody knows. */
  readonly lost: number | undefined;
  readonly why: "dropped" | "disconnected";

  constructor(lost: number | undefined, why: "dropped" | "disconnected") {
    this.lost = lost;
    this.why = why;
  }
}

/** What a gap counts for, where it waits. */
const GAP_BYTES = 64;
const HOLD_BYTES: number = 1024 * 1024;
const RELEASE_BYTES = HOLD_BYTES / 2;

export interface InboxFlow {
  hold(): void;
  release(): void;
}

export class Inbox<Item extends Content> {
  readonly #items = new Deque<Item | Gap>();
  readonly #flow: InboxFlow;
  #bytes = 0;
  #held = false;

  constructor(flow: InboxFlow) {
    this.#flow = flow;
  }

  get length(): number {
    return this.#items.length;
  }

  /** Whether the broker was told to hold the subscription. */
  get held(): boolean {
    return this.#held;
  }

  /** Of all that is not done. */
  get bytes(): number {
    return this.#bytes;
  }

  add(item: Item | Gap): void {
    this.#items.push(item);
    if (item instanceof Gap) this.#bytes += GAP_BYTES;
    else this.begin(item);
  }

  /** The next one, if any. A message still counts: {@link done} ends that. */
  shift(): Item | Gap | undefined {
    const item = this.#items.shift();
    if (item instanceof Gap) this.#bytes -= GAP_BYTES;
    return item;
  }

  /** Counts an item that was not added, because it is worked on at once. */
  begin(item: Item): void {
    this.#bytes += Content.sizeOf(item);
    if (this.#bytes <= HOLD_BYTES || this.#held) return;
    this.#held = true;
    this.#flow.hold();
  }

  /** An item has been handled. */
  done(item: Item): void {
    this.#bytes -= Content.sizeOf(item);
    if (!this.#held || this.#bytes > RELEASE_BYTES) return;
    this.#held = false;
    this.#flow.release();
  }

  /** Takes out all that waits. */
  clear(): Item[] {
    const all = this.#items.clear();
    const items = all.filter((item): item is Item => !(item instanceof Gap));
    this.#bytes -= (all.length - items.length) * GAP_BYTES;
    for (const item of items) this.done(item);
    return items;
  }
}

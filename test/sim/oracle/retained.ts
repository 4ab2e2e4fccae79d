// Retained values, as protocol.md has them: the last of each topic, as many topics as there may be, and what of them is on disk.

import type { Message } from "./message.ts";
import type { Oracle } from "./oracle.ts";
import type { PeerView } from "./peer.ts";
import type { PlainView } from "./plain.ts";
import { matches } from "./topics.ts";

/** One RETAIN: of those that clear the value, too, each is its own. */
interface Kept {
  readonly value: Message | undefined;
}

interface Retained {
  value: Message | undefined;
  /** What may be on disk: the last of which it is known, and all that came since. */
  kept: Kept[];
  /** Of several values that a broker may have found on disk, it is not known which. */
  maybe: (Message | undefined)[] | undefined;
  /** It was set when the broker was letting go of its disk: it may reach that yet, or not. */
  readonly isPastDisk: boolean;
}

/** By topic, the values that it may have after the broker has ended: undefined is none. */
export type SurvivedValues = ReadonlyMap<string, readonly (Message | undefined)[]>;

const NOTHING: Kept = { value: undefined };

export class RetainedValues {
  readonly #oracle: Oracle;
  readonly #values = new Map<string, Retained>();

  constructor(oracle: Oracle, survived: SurvivedValues) {
    this.#oracle = oracle;
    for (const [topic, values] of survived) {
      const isKnown = values.length === 1;
      const maybe = isKnown ? undefined : [...values];
      this.#values.set(topic, {
        value: isKnown ? values[0] : undefined,
        kept: values.map((it) => ({ value: it })),
        maybe,
        isPastDisk: false,
      });
    }
  }

  /** A RETAIN of `peer`. True where it has no room, for sure. */
  set(peer: PeerView, message: Message, isCleared: boolean): boolean {
    const known = this.#values.get(message.topic);
    const value = isCleared ? undefined : message;
    if (!isCleared) {
      const isThere = known?.maybe === undefined ? known?.value !== undefined : !known.maybe.includes(undefined);
      const mayBeThere = known?.maybe === undefined ? isThere : true;
      let size = 0;
      let most = 0;
      for (const [topic, it] of this.#values) {
        if (topic === message.topic) continue;
        if (it.maybe === undefined ? it.value !== undefined : true) most++;
        if (it.maybe === undefined && it.value !== undefined) size++;
      }
      if (!mayBeThere && size >= this.#oracle.world.maxRetained) {
        return true;
      }
      if ((!isThere && most >= this.#oracle.world.maxRetained) || this.#oracle.isShortOfMemory || message.isRefusable) {
        // Whether there was room is not known.
        peer.mayLackRoom.add(message.topic);
        const values = [...(known?.maybe ?? [known?.value]), value];
        this.#values.set(message.topic, {
          value: undefined,
          kept: [...(known?.kept ?? [NOTHING]), { value }],
          maybe: values,
          isPastDisk: !this.#oracle.holdsDisk,
        });
        return false;
      }
    }
    const mine: Kept = { value };
    const kept = [...(known?.kept ?? [NOTHING]), mine];
    const maybe = message.isRefusable ? [...(known?.maybe ?? [known?.value]), value] : undefined;
    const entry: Retained = { value, kept, maybe, isPastDisk: !this.#oracle.holdsDisk };
    this.#values.set(message.topic, entry);
    if (!this.#oracle.world.hasDisk || maybe !== undefined) return false;
    peer.effects.push({
      position: peer.position,
      apply: () => {
        // Those before it are not on disk any more, whoever wrote them.
        const now = this.#values.get(message.topic)!;
        const index = now.kept.indexOf(mine);
        if (index >= 0) now.kept = now.kept.slice(index);
      },
    });
    return false;
  }

  /** What `sub`, which is new, is to get first. */
  expect(sub: PlainView): void {
    for (const [topic, { value, maybe }] of this.#values) {
      if (!matches(sub.pattern, topic)) continue;
      if (maybe !== undefined) {
        for (const it of maybe) if (it !== undefined) sub.maybeRetained.set(it.uid, it);
      } else if (value !== undefined) {
        sub.retained.set(value.uid, value);
      }
    }
  }

  /** @param isOrderly whether the broker has written all before it ended. */
  survived(isOrderly: boolean): SurvivedValues {
    const values = new Map<string, readonly (Message | undefined)[]>();
    for (const [topic, { value, kept, maybe, isPastDisk }] of this.#values) {
      const isKnown = isOrderly && maybe === undefined && !isPastDisk;
      values.set(topic, isKnown ? [value] : [...new Set([...kept.map((it) => it.value), ...(maybe ?? [])])]);
    }
    return values;
  }
}

// The ceiling of what the broker holds. Above it those that hold most have to do with less: their publishers wait, or their
// messages are dropped, as their overflow policy says; until it holds three quarters again.

import { OUTGOING_BYTES } from "../../shared/protocol.ts";
import type { Core } from "./core.ts";
import { holderOf } from "./flow.ts";
import type { Outbox } from "./outbox.ts";
import type { Peer } from "./peer.ts";

/** What may wait to be written to a connection at the least, however many there are. */
const LEAST_OUTGOING_BYTES = 16 * 1024;
/** More than a connection has in hand that sends and reads frames of a usual size. */
const MUCH_BYTES = 1024 * 1024;
/** Less than this is not worth a collection, which takes some milliseconds. */
export const COLLECTED_BYTES: number = 8 * 1024 * 1024;
/** The part of the ceiling that is made free at once, so that not every turn has to make some. */
const SPARE_PART = 1 / 16;
/** The part of the ceiling that all connections together may have waiting to be written. */
const OUTGOING_PART = 1 / 4;

/** The part of the ceiling that subscriptions may come to, beside what it holds, and what one takes (measured: 40,000 took 80 MiB). */
const SUBSCRIPTIONS_PART = 1 / 2;
const SUBSCRIPTION_BYTES = 2048;
const LEAST_SUBSCRIPTIONS = 1000;

export class Pressure {
  readonly #core: Core;
  readonly #pressed = new Set<Outbox>();
  limitBytes: number;

  constructor(core: Core, limitBytes: number) {
    this.#core = core;
    this.limitBytes = limitBytes;
  }

  get isOn(): boolean {
    return this.#pressed.size > 0;
  }

  /** Whether `bytes` more would be too much to keep for good. */
  isShortOf(bytes: number): boolean {
    return this.#core.chunks.heldBytes + bytes > this.limitBytes;
  }

  /** How many subscriptions there may be, of all connections. */
  get mostSubscriptions(): number {
    return Math.max(LEAST_SUBSCRIPTIONS, Math.floor((this.limitBytes * SUBSCRIPTIONS_PART) / SUBSCRIPTION_BYTES));
  }

  /** What may wait to be written to one connection. */
  get outgoingBytes(): number {
    const share = (this.limitBytes * OUTGOING_PART) / Math.max(1, this.#core.peers.size);
    return Math.max(LEAST_OUTGOING_BYTES, Math.min(OUTGOING_BYTES, share));
  }

  /** At the end of a turn: puts pressure on the heaviest, or takes it off. */
  check(): void {
    const { heldBytes } = this.#core.chunks;
    this.#collect();
    if (heldBytes > this.limitBytes) this.#press();
    else if (this.#pressed.size > 0 && heldBytes * 4 <= this.limitBytes * 3) this.#ease();
  }

  /** What nobody holds any longer is in memory until it is collected: near the limit that can't wait. */
  #collect(): void {
    const { chunks, env } = this.#core;
    if (chunks.heldBytes + chunks.freeBytes + chunks.discardedBytes <= this.limitBytes) return;
    chunks.trimAll();
    if (chunks.discardedBytes < COLLECTED_BYTES) return;
    chunks.discardedBytes = 0;
    env.collect();
  }

  #press(): void {
    const wasOn = this.isOn;
    const held = new Map<Outbox, number>();
    for (const outbox of this.#core.allOutboxes()) {
      const { heldBytes } = outbox.owner;
      if (!outbox.isPressed && heldBytes > 0) held.set(outbox, heldBytes);
    }
    const average = [...held.values()].reduce((sum, bytes) => sum + bytes, 0) / held.size;
    for (const [outbox, heldBytes] of held) {
      if (heldBytes < average) continue;
      outbox.press(true);
      this.#pressed.add(outbox);
      this.#core.env.log("warn", { why: holderOf(outbox).why, heldBytes }, "the memory limit is reached");
    }
    if (!wasOn && this.isOn) this.#core.limited.memoryLimit++;
    // Those that drop do so now, for others may not wait for it.
    for (const outbox of this.#pressed) this.#shed(outbox);
    if (held.size === 0 && this.#core.chunks.heldBytes > this.limitBytes) this.#evictHeaviest();
  }

  /** Drops of what waits as much as is needed, and of one receiver's no more than a half at a time: others hold some as well. */
  #shed(outbox: Outbox): void {
    if (outbox.overflow === "disconnect") return outbox.owner.disconnect();
    if (!outbox.dropsOldest) return;
    const { chunks } = this.#core;
    const target = this.limitBytes * (1 - SPARE_PART);
    const enough = outbox.messages / 2;
    while (chunks.heldBytes > target && outbox.messages > enough && outbox.owner.dropOldest());
    outbox.keepToThis();
  }

  /** Nothing that waits is left to press: what is held is what one connection has sent in part, or does not read. */
  #evictHeaviest(): void {
    let heaviest: Peer | undefined;
    for (const peer of this.#core.peers) {
      if (!peer.closed && (heaviest === undefined || peer.heldBytes > heaviest.heldBytes)) heaviest = peer;
    }
    // No more than usual: what is held beyond the limit is on its way, and passes.
    if (heaviest === undefined || heaviest.heldBytes < MUCH_BYTES) return;
    this.#core.limited.memoryLimit++;
    heaviest.fail(
      "limit",
      "the broker's memory limit is reached, and this connection holds most of it (option memoryLimit)",
    );
  }

  #ease(): void {
    for (const outbox of this.#pressed) {
      outbox.press(false);
      if (outbox.awaited && outbox.halfEmpty) outbox.owner.drained();
    }
    this.#pressed.clear();
  }

  /** `outbox` is no more. */
  forget(outbox: Outbox): void {
    this.#pressed.delete(outbox);
  }
}

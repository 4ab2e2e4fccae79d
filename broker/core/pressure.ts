// The ceiling of what the broker holds. Above it those that hold most have to do with less: their publishers wait, or their
// messages are dropped, as their overflow policy says; until it holds three quarters again.

import { OUTGOING_BYTES } from "../../shared/protocol.ts";
import type { Core } from "./core.ts";
import { holderOf } from "./flow.ts";
import type { Outbox } from "./outbox.ts";
import type { Peer } from "./peer.ts";

/** What may wait to be written to a connection at the least, however many there are. */
const LEAST_OUTGOING_BYTES = 16 * 1024;
/** The part of the ceiling that all connections together may have waiting to be written. */
const OUTGOING_PART = 1 / 4;

export class Pressure {
  readonly #core: Core;
  readonly #pressed = new Set<Outbox>();
  limitBytes: number;
  /** How often the ceiling was reached. */
  times = 0;

  constructor(core: Core, limitBytes: number) {
    this.#core = core;
    this.limitBytes = limitBytes;
  }

  get isOn(): boolean {
    return this.#pressed.size > 0;
  }

  /** What may wait to be written to one connection. */
  get outgoingBytes(): number {
    const share = (this.limitBytes * OUTGOING_PART) / Math.max(1, this.#core.peers.size);
    return Math.max(LEAST_OUTGOING_BYTES, Math.min(OUTGOING_BYTES, share));
  }

  /** At the end of a turn: puts pressure on the heaviest, or takes it off. */
  check(): void {
    const { heldBytes } = this.#core.chunks;
    if (heldBytes > this.limitBytes) this.#press();
    else if (this.#pressed.size > 0 && heldBytes * 4 <= this.limitBytes * 3) this.#ease();
  }

  #press(): void {
    this.times++;
    const free = [...this.#core.allOutboxes()].filter((outbox) => !outbox.isPressed && outbox.heldBytes > 0);
    const average = free.reduce((sum, outbox) => sum + outbox.heldBytes, 0) / free.length;
    for (const outbox of free) {
      if (outbox.heldBytes < average) continue;
      outbox.press(true);
      this.#pressed.add(outbox);
      this.#core.env.log(
        "warn",
        { why: holderOf(outbox).why, heldBytes: outbox.heldBytes },
        "the memory limit is reached",
      );
    }
    // Those that drop do so now, for others may not wait for it.
    for (const outbox of this.#pressed) this.#shed(outbox);
    if (free.length === 0 && this.#core.chunks.heldBytes > this.limitBytes) this.#evictHeaviest();
  }

  #shed(outbox: Outbox): void {
    if (outbox.overflow === "disconnect") return outbox.owner.disconnect();
    if (outbox.overflow !== "drop-oldest" && outbox.overflow !== "latest") return;
    const enough = outbox.heldBytes / 2;
    while (outbox.heldBytes > enough && outbox.owner.dropOldest());
  }

  /** Nothing that waits is left to press: what is held is what one connection has sent in part, or does not read. */
  #evictHeaviest(): void {
    let heaviest: Peer | undefined;
    for (const peer of this.#core.peers) {
      if (!peer.closed && (heaviest === undefined || peer.heldBytes > heaviest.heldBytes)) heaviest = peer;
    }
    if (heaviest === undefined || heaviest.heldBytes < this.#core.chunks.heldBytes / 4) return;
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

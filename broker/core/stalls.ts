// Finds receivers that hold others up and show no sign of life: stopped, spinning or hung. Asked now and then, and only while a
// publisher waits for somebody. Signs of life are bytes that it takes, frames that it sends, messages that it settles; time in
// which the broker does not read from it does not count, unless those that are not read hold each other up in a ring.

import { FrameWriter } from "../../shared/codec/write.ts";
import type { Timed } from "../../shared/deadlines.ts";
import { Op } from "../../shared/protocol.ts";
import type { Alarm, Core } from "./core.ts";
import { holderOf } from "./flow.ts";
import type { Member } from "./member.ts";
import type { Outbox } from "./outbox.ts";
import type { Peer } from "./peer.ts";
import type { Subscription } from "./subscription.ts";

/** Looks in the time that makes a stall. */
const LOOKS = 8;
const writer: FrameWriter = new FrameWriter(16);

/** What was last seen of a receiver, and since when nothing of it has changed. */
interface Sight {
  signs: number;
  sinceMs: number;
  isAsked: boolean;
}

/** A subscription by which a client receives from an outbox. */
export type Receiver = Subscription | Member;

export class Stalls implements Timed, Alarm {
  readonly #core: Core;
  readonly #sights = new Map<Peer, Sight>();
  heapIndex = -1;
  dueMs = 0;
  dueOrder = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Somebody begins to wait. */
  watch(): void {
    if (this.heapIndex < 0) this.#lookAgain();
  }

  due(): void {
    const now = this.#core.nowMs();
    const seen = new Set<Peer>();
    for (const [outbox, sinceMs] of this.#core.flow.awaited()) {
      for (const receiver of holderOf(outbox).receivers()) {
        seen.add(receiver.peer);
        this.#look(outbox, receiver, sinceMs, now);
      }
    }
    for (const peer of this.#sights.keys()) if (!seen.has(peer)) this.#sights.delete(peer);
    if (seen.size > 0 || this.#core.flow.isAwaited) this.#lookAgain();
  }

  #lookAgain(): void {
    this.#core.deadlines.set(this, this.#core.nowMs() + this.#core.options.stallMs / LOOKS);
  }

  #look(outbox: Outbox, receiver: Receiver, awaitedSinceMs: number, now: number): void {
    const { peer } = receiver;
    const { stallMs } = this.#core.options;
    if (peer.closed) return;
    const isExcused = peer.paused && !isInRing(peer);
    if (isExcused && receiver.heldSinceMs !== undefined) receiver.heldSinceMs = now;
    if (receiver.heldSinceMs !== undefined && now - Math.max(receiver.heldSinceMs, awaitedSinceMs) >= stallMs) {
      return this.#evict(peer, outbox, `has held subscription ${receiver.sid} with XOFF`);
    }
    const signs = peer.signsOfLife;
    const sight = this.#sights.get(peer);
    if (sight === undefined || sight.signs !== signs || isExcused) {
      this.#sights.set(peer, { signs, sinceMs: now, isAsked: false });
    } else if (now - sight.sinceMs >= stallMs) {
      this.#evict(peer, outbox, "has taken, sent and settled nothing");
    } else if (!sight.isAsked && now - sight.sinceMs >= stallMs / 2) {
      sight.isAsked = true;
      if (peer.link.idle) peer.answer(writer.reset().frame(1, Op.PING));
    }
  }

  #evict(peer: Peer, outbox: Outbox, what: string): void {
    this.#sights.delete(peer);
    const { why } = holderOf(outbox);
    const { stallMs } = this.#core.options;
    this.#core.limited.stallMs++;
    peer.fail("stalled", `publishers wait for ${why}, and this client ${what} for ${stallMs} ms (option stallMs)`);
  }
}

/** Whether `peer`, which the broker does not read from, waits for itself through others that are not read from either. */
function isInRing(peer: Peer): boolean {
  const seen = new Set<Peer>();
  const next = [peer];
  for (let current = next.pop(); current !== undefined; current = next.pop()) {
    for (const outboxes of current.off.values()) {
      for (const outbox of outboxes) {
        for (const receiver of holderOf(outbox).receivers()) {
          if (receiver.peer === peer) return true;
          if (!receiver.peer.paused || seen.has(receiver.peer)) continue;
          seen.add(receiver.peer);
          next.push(receiver.peer);
        }
      }
    }
  }
  return false;
}

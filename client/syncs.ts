// What was published and not confirmed yet, and the SYNCs that will tell: each covers all that was written before it. Answers come
// in the order of the SYNCs. It writes SYNC frames, and knows nothing of queues, topics in XOFF, or reconnecting.

import type { FrameWriter } from "../shared/codec/write.ts";
import type { PodbusError } from "../shared/errors.ts";
import { Op } from "../shared/protocol.ts";
import type { Confirm } from "./confirm.ts";
import type { Numbers } from "./numbers.ts";

/** Somebody who waits for a SYNC's answer. */
export interface Barrier {
  /** Whether what was published before matters to it: then a broken connection fails it, where something is unconfirmed. */
  readonly covers: boolean;
  resolve(): void;
  reject(error: PodbusError): void;
}

interface Sync {
  /** {@link Syncs.published} when it was written. */
  readonly upTo: number;
  readonly barrier: Barrier | undefined;
  readonly confirm: Confirm | undefined;
}

export class Syncs {
  readonly #numbers: Numbers;
  readonly #pending = new Map<number, Sync>();
  /** Those that a broker which is ending could not answer any more. */
  #forNext: Sync[] = [];
  #covered = 0;
  #confirmed = 0;
  /** Publishes that were written on this connection and are not retried, that is, all but confirmed ones. Counted by who writes them. */
  published = 0;

  constructor(numbers: Numbers) {
    this.#numbers = numbers;
  }

  has(id: number): boolean {
    return this.#pending.has(id);
  }

  /** SYNCs that are not answered. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Publishes since the last SYNC. */
  get uncovered(): number {
    return this.published - this.#covered;
  }

  /** Publishes that no answer has covered yet. */
  get unconfirmed(): number {
    return this.published - this.#confirmed;
  }

  write(w: FrameWriter, barrier?: Barrier): void {
    this.#write(w, { upTo: this.published, barrier, confirm: undefined });
  }

  /** A publish and its SYNC, with one in front where that would count other publishes too. */
  writeConfirm(w: FrameWriter, confirm: Confirm): void {
    if (this.uncovered > 0) this.write(w);
    w.raw(confirm.frame);
    this.#write(w, { upTo: this.published, barrier: undefined, confirm });
  }

  /** OK to `id`; false where no SYNC of that number is pending. */
  answered(id: number, deliveries: number): boolean {
    const sync = this.#take(id);
    if (sync === undefined) return false;
    this.#confirmed = Math.max(this.#confirmed, sync.upTo);
    sync.barrier?.resolve();
    const { confirm } = sync;
    if (confirm === undefined) return true;
    const { refusal } = confirm;
    if (refusal !== undefined && (refusal.certain || deliveries === 0)) confirm.reject(refusal.error);
    else confirm.resolve(deliveries);
    return true;
  }

  /** ERR to `id`: what it covers may not be kept. Where the broker is ending, the next one is asked. */
  failed(id: number, error: PodbusError): boolean {
    const sync = this.#take(id);
    if (sync === undefined) return false;
    if (error.code === "closing") {
      this.#forNext.push(sync);
      return true;
    }
    sync.barrier?.reject(error);
    sync.confirm?.reject(error);
    return true;
  }

  /**
   * A publish to `topic` was refused. True where it is sure to be one whose publisher awaits its confirmation: the oldest SYNC that is
   * not answered covers it. A durable queue may delay answers: then later ones of that topic are only suspected.
   */
  refused(topic: string, error: PodbusError): boolean {
    let isFirst = true;
    for (const { confirm } of this.#pending.values()) {
      if (confirm !== undefined && confirm.topic.name === topic && confirm.refusal === undefined) {
        confirm.refusal = { error, certain: isFirst };
        if (isFirst) return true;
      }
      isFirst = false;
    }
    return false;
  }

  /** The connection is gone. Returns what was not answered, in order, and begins anew. */
  reset(): { confirms: Confirm[]; barriers: Barrier[] } {
    const confirms: Confirm[] = [];
    const barriers: Barrier[] = [];
    for (const { confirm, barrier } of [...this.#forNext, ...this.#pending.values()]) {
      if (confirm !== undefined) confirms.push(confirm);
      if (barrier !== undefined) barriers.push(barrier);
    }
    this.#pending.clear();
    this.#forNext = [];
    this.published = this.#covered = this.#confirmed = 0;
    return { confirms, barriers };
  }

  #write(w: FrameWriter, sync: Sync): void {
    const id = this.#numbers.next();
    w.frame(2, Op.SYNC).int(id);
    this.#covered = sync.upTo;
    this.#pending.set(id, sync);
  }

  #take(id: number): Sync | undefined {
    const sync = this.#pending.get(id);
    if (sync !== undefined) this.#pending.delete(id);
    return sync;
  }
}

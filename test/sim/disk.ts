// A simulated disk in the place of lmdb: what was written as a whole is there, what was not confirmed may be there or not when the
// broker dies, writes are slow and fail, before or after they reached the disk. Keeps the contract of broker/core/store.ts and
// nothing more. Values can come back damaged.

import type { Change, Store } from "../../broker/core/store.ts";
import type { FaultCounts } from "./faults.ts";
import { Kind, type Loop } from "./loop.ts";
import type { Random } from "./random.ts";
import type { Peerage } from "./connection.ts";

/** Out of a hundred writes, those that go wrong, and how. */
export interface DiskPlan {
  readonly noSpacePercent: number;
  readonly commitErrorPercent: number;
  readonly flushErrorPercent: number;
  readonly slowPercent: number;
  readonly maxSlowMs: number;
}

export const SOUND_DISK: DiskPlan = {
  noSpacePercent: 0,
  commitErrorPercent: 0,
  flushErrorPercent: 0,
  slowPercent: 0,
  maxSlowMs: 0,
};

export class Disk implements Store {
  readonly #values: Map<string, Buffer>;
  readonly #loop: Loop;
  readonly #random: Random;
  readonly #faults: FaultCounts;
  readonly #broker: Peerage;
  plan: DiskPlan;
  #pending: readonly Change[] | undefined;
  #isDead = false;
  #hasFailed = false;
  /** Writes that were confirmed. */
  writes = 0;

  constructor(
    values: ReadonlyMap<string, Buffer>,
    { loop, random, faults }: { loop: Loop; random: Random; faults: FaultCounts },
    plan: DiskPlan,
    broker: Peerage,
  ) {
    this.#values = new Map(values);
    this.#loop = loop;
    this.#random = random;
    this.#faults = faults;
    this.#broker = broker;
    this.plan = plan;
  }

  get values(): ReadonlyMap<string, Buffer> {
    return this.#values;
  }

  /** Whether what was last written is there. */
  get isUpToDate(): boolean {
    return !this.#hasFailed;
  }

  *entries(): Iterable<{ key: string; value: Buffer }> {
    const keys = [...this.#values.keys()].sort();
    for (const key of keys) yield { key, value: this.#values.get(key)! };
  }

  write(changes: readonly Change[], done: (error: Error | undefined) => void): void {
    if (this.#pending !== undefined) throw new Error("the broker writes while a write is under way");
    // Values must stay as they are: what is flushed is what is there then.
    this.#pending = changes;
    const { noSpacePercent, commitErrorPercent, flushErrorPercent, slowPercent, maxSlowMs } = this.plan;
    let delayMs = this.#random.below(16) / 8;
    if (this.#random.percent(slowPercent)) {
      this.#faults.hit("slow-flush");
      delayMs = this.#random.below(maxSlowMs + 1);
    }
    let error: Error | undefined;
    let isThere = true;
    if (this.#random.percent(noSpacePercent)) {
      this.#faults.hit("no-space");
      error = new Error("no space left on device");
      isThere = false;
    } else if (this.#random.percent(commitErrorPercent)) {
      this.#faults.hit("commit-error");
      error = new Error("input/output error: commit");
      isThere = false;
    } else if (this.#random.percent(flushErrorPercent)) {
      this.#faults.hit("flush-error");
      error = new Error("input/output error: flush");
      isThere = this.#random.percent(50);
    }
    const finish = (): void => {
      if (this.#isDead || this.#broker.isDead) return;
      if (this.#broker.frozenUntilMs > this.#loop.nowMs) {
        this.#loop.at(this.#broker.frozenUntilMs, Kind.DISK, 0, finish);
        return;
      }
      if (isThere) this.#apply(changes);
      this.#pending = undefined;
      this.#hasFailed = error !== undefined;
      if (error === undefined) this.writes++;
      done(error);
    };
    this.#loop.in(delayMs, Kind.DISK, changes.length, finish);
  }

  /** The broker dies. Returns what is there: without what was not confirmed, or with it. */
  die(): Map<string, Buffer> {
    this.#isDead = true;
    if (this.#pending !== undefined) {
      if (this.#random.percent(50)) {
        this.#faults.hit("kept-unconfirmed-commit");
        this.#apply(this.#pending);
      } else {
        this.#faults.hit("lost-commit");
      }
    }
    return new Map(this.#values);
  }

  #apply(changes: readonly Change[]): void {
    for (const { key, value } of changes) {
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, Buffer.from(value));
    }
  }
}

/** `values` with one of them damaged, in a way that a checksum can know. Undefined where there is nothing to damage. */
export function damaged(
  values: ReadonlyMap<string, Buffer>,
  random: Random,
  faults: FaultCounts,
): Map<string, Buffer> | undefined {
  const keys = [...values.keys()].sort();
  if (keys.length < 2) return undefined;
  const copy = new Map(values);
  const key = random.pick(keys);
  const value = Buffer.from(values.get(key)!);
  if (value.length === 0) return undefined;
  switch (random.below(4)) {
    case 0: {
      faults.hit("truncated-value");
      copy.set(key, value.subarray(0, random.below(value.length)));
      break;
    }
    case 1: {
      const other = random.pick(keys);
      if (values.get(other)!.equals(value)) return undefined;
      faults.hit("swapped-values");
      copy.set(key, values.get(other)!);
      copy.set(other, value);
      break;
    }
    case 2: {
      if (!values.has("v")) return undefined;
      faults.hit("missing-version");
      copy.delete("v");
      break;
    }
    default: {
      faults.hit("damaged-value");
      const at = random.below(value.length);
      value[at] = value[at]! ^ (1 << random.below(8));
      copy.set(key, value);
    }
  }
  return copy;
}

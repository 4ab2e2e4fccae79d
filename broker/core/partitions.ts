// The order of each key in a partitioned queue: messages of one key go to one member at a time. A key belongs to the member that
// holds messages of it; what comes for it while that member has no room is parked, and other keys go on past it.
//
//   key ──► owner, messages that it holds, parked messages in order           free again when it holds none and none is parked
//
// Where members do not acknowledge, a key stays with its member until that leaves.

import type { PooledChunk } from "./chunks.ts";
import { strStart } from "../../shared/codec/read.ts";
import { Frame, scanFrame } from "../../shared/codec/scan.ts";
import type { Member } from "./member.ts";
import { readQueueHeaders } from "./queue-headers.ts";
import { Returned } from "./returned.ts";
import type { Run } from "./run.ts";

/** A queue is partitioned by the header `key`, or by the n-th token of the topic, from 1. */
export type PartitionBy = "key" | number;

interface Key {
  owner: Member;
  held: number;
  readonly parked: Returned;
}

/** Keys that are remembered at the most where nothing but the end of a member frees one; the one that came first goes first. */
const MAX_KEYS = 65_536;
const DOT = 0x2e;
const frame: Frame = new Frame();

export class Partitions {
  readonly #by: PartitionBy;
  readonly #isFreed: boolean;
  readonly #keys = new Map<string, Key>();
  /** Keys of a member that have something parked. */
  readonly #parkedOf = new Map<Member, Set<string>>();
  /** Keys of which something is parked and nothing is held: their owner has no room for them, another may. */
  readonly #idle = new Set<string>();
  messages = 0;
  bytes = 0;

  /** @param isFreed whether members acknowledge, so that a key is free again. */
  constructor(by: PartitionBy, isFreed: boolean) {
    this.#by = by;
    this.#isFreed = isFreed;
  }

  /** The key of the single message in `chunk.buf[start … end)`, or undefined where it has none and may go to any member. */
  keyOf(chunk: PooledChunk, start: number, end: number): string | undefined {
    scanFrame(chunk.buf, start, end, Number.POSITIVE_INFINITY, frame);
    if (this.#by === "key") return readQueueHeaders(chunk.buf, frame).key;
    const topicEnd = frame.at[2]!;
    let from = strStart(chunk.buf, frame.at[1]!);
    for (let token = 1; ; token++) {
      const dot = chunk.buf.indexOf(DOT, from);
      const to = dot < 0 || dot >= topicEnd ? topicEnd : dot;
      if (token === this.#by) return chunk.buf.toString("latin1", from, to);
      if (to === topicEnd) return undefined;
      from = to + 1;
    }
  }

  ownerOf(key: string): Member | undefined {
    return this.#keys.get(key)?.owner;
  }

  /** Whether something of `key` is parked: what follows has to go behind it. */
  isParked(key: string): boolean {
    return (this.#keys.get(key)?.parked.messages ?? 0) > 0;
  }

  /** `member` is about to hold a message of `key`. */
  hold(key: string, member: Member): void {
    const known = this.#keys.get(key);
    if (known !== undefined) {
      known.held++;
      return;
    }
    this.#keys.set(key, { owner: member, held: 1, parked: new Returned() });
    if (this.#isFreed || this.#keys.size <= MAX_KEYS) return;
    for (const [oldest, { parked }] of this.#keys) {
      if (parked.messages === 0) this.#keys.delete(oldest);
      break;
    }
  }

  /** A message of `key` is no longer held by its owner. */
  release(key: string): void {
    const known = this.#keys.get(key);
    if (known === undefined) return;
    known.held--;
    this.#freeIfDone(key, known);
    if (this.#isFreed && known.held <= 0 && known.parked.messages > 0) this.#idle.add(key);
  }

  /** Gives `member` a key of which something is parked, and nothing held, by one that has no room. False where there is none. */
  adopt(member: Member): boolean {
    for (const key of this.#idle) {
      const known = this.#keys.get(key);
      if (known === undefined || known.held > 0 || known.parked.messages === 0) {
        this.#idle.delete(key);
        continue;
      }
      if (known.owner.room > 0) continue;
      this.#parkedOf.get(known.owner)?.delete(key);
      known.owner = member;
      this.#parkedOf.set(member, (this.#parkedOf.get(member) ?? new Set<string>()).add(key));
      this.#idle.delete(key);
      return true;
    }
    return false;
  }

  /** Puts `run` aside until the owner of its key has room. */
  park(key: string, run: Run): void {
    const known = this.#keys.get(key)!;
    known.parked.add(run);
    this.#count(run, 1);
    let keys = this.#parkedOf.get(known.owner);
    if (keys === undefined) this.#parkedOf.set(known.owner, (keys = new Set()));
    keys.add(key);
  }

  /** Whether something is parked that `member` can have. */
  hasParked(member: Member): boolean {
    return (this.#parkedOf.get(member)?.size ?? 0) > 0 || this.#hasIdle();
  }

  #hasIdle(): boolean {
    for (const key of this.#idle) {
      const known = this.#keys.get(key);
      if (known === undefined || known.held > 0 || known.parked.messages === 0) this.#idle.delete(key);
      else if (known.owner.room <= 0) return true;
    }
    return false;
  }

  /** Takes the next parked message of one of `member`'s keys, which it now holds. */
  unpark(member: Member): Run | undefined {
    const keys = this.#parkedOf.get(member);
    if (keys === undefined) return undefined;
    for (const key of keys) {
      const known = this.#keys.get(key)!;
      const run = known.parked.take(1)!;
      this.#count(run, -1);
      known.held++;
      // In turn with the other keys that are parked.
      keys.delete(key);
      if (known.parked.messages > 0) keys.add(key);
      if (keys.size === 0) this.#parkedOf.delete(member);
      return run;
    }
    return undefined;
  }

  /** `member` is gone: its keys are free, and what was parked for it is handed back. */
  *forget(member: Member): Iterable<Run> {
    this.#parkedOf.delete(member);
    for (const [key, { owner, parked }] of this.#keys) {
      if (owner !== member) continue;
      this.#keys.delete(key);
      yield* this.#drainParked(parked);
    }
  }

  /** The place of the parked message that came first. Costs a look at each key that has something parked. */
  get oldestOrder(): number | undefined {
    let oldest: number | undefined;
    for (const keys of this.#parkedOf.values()) {
      for (const key of keys) {
        const { order } = this.#keys.get(key)!.parked.first!;
        if (oldest === undefined || order < oldest) oldest = order;
      }
    }
    return oldest;
  }

  /** Takes the parked message that came first, to drop it. Costs a look at each key that has something parked. */
  takeOldest(): Run | undefined {
    let first: Run | undefined;
    let from: Member | undefined;
    let firstKey = "";
    for (const [member, keys] of this.#parkedOf) {
      for (const key of keys) {
        const run = this.#keys.get(key)!.parked.first!;
        if (first !== undefined && first.order < run.order) continue;
        first = run;
        from = member;
        firstKey = key;
      }
    }
    if (from === undefined) return undefined;
    const known = this.#keys.get(firstKey)!;
    const run = known.parked.take(1)!;
    this.#count(run, -1);
    if (known.parked.messages === 0) this.#parkedOf.get(from)!.delete(firstKey);
    this.#freeIfDone(firstKey, known);
    return run;
  }

  /** Takes all that is parked. */
  *drain(): Iterable<Run> {
    this.#parkedOf.clear();
    for (const [key, known] of this.#keys) {
      yield* this.#drainParked(known.parked);
      this.#freeIfDone(key, known);
    }
  }

  *[Symbol.iterator](): Iterator<Run> {
    for (const { parked } of this.#keys.values()) yield* parked;
  }

  *#drainParked(parked: Returned): Iterable<Run> {
    for (const run of parked.drain()) {
      this.#count(run, -1);
      yield run;
    }
  }

  #freeIfDone(key: string, known: Key): void {
    if (this.#isFreed && known.held <= 0 && known.parked.messages === 0) this.#keys.delete(key);
  }

  #count(run: Run, sign: 1 | -1): void {
    this.messages += sign * run.count;
    this.bytes += sign * run.bytes;
  }
}

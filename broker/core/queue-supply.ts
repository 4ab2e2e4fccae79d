// Who gets what of a queue: an equal share at a time, in turn, to members that can take it. In a partitioned queue message by message,
// each to the member that has its key. Cost, where nothing has a key or a time to live: a step a share, not a message.

import type { Core } from "./core.ts";
import type { Member } from "./member.ts";
import type { RangeSink } from "./outbox.ts";
import type { Partitions } from "./partitions.ts";
import type { Queue } from "./queue.ts";
import type { QueueFate } from "./queue-fate.ts";
import type { QueueWaiting } from "./queue-waiting.ts";
import type { Run } from "./run.ts";

/** What a member is handed at once at the most, in bytes: enough for a write, little enough to leave some to the others. */
const SHARE_BYTES = 64 * 1024;

export class QueueSupply {
  readonly #core: Core;
  readonly #queue: Queue;
  readonly #waiting: QueueWaiting;
  readonly #fate: QueueFate;
  #next = 0;

  constructor(core: Core, queue: Queue, waiting: QueueWaiting, fate: QueueFate) {
    this.#core = core;
    this.#queue = queue;
    this.#waiting = waiting;
    this.#fate = fate;
  }

  /** Whether something waits that a member may have once it has room. */
  get hasWaiting(): boolean {
    return !this.#isEmpty || (this.#waiting.partitions?.messages ?? 0) > 0;
  }

  /** Whether something waits that a member could take now. */
  get isPossible(): boolean {
    const { partitions } = this.#waiting;
    if (this.#queue.isKeptForNext) return false;
    return this.#queue.members.some(
      (member) => member.room > 0 && (!this.#isEmpty || partitions?.hasParked(member) === true),
    );
  }

  /** Hands out what waits, as long as a member can take it. */
  run(): void {
    const { members, outbox } = this.#queue;
    const { partitions, returned } = this.#waiting;
    this.#queue.persist();
    if (this.#queue.isKeptForNext) return;
    if (partitions !== undefined) this.#supplyParked(partitions);
    while (!this.#isEmpty) {
      const able = members.filter((member) => member.room > 0);
      if (able.length === 0) return;
      const waiting = outbox.messages + returned.messages;
      if (partitions === undefined) this.#supply(this.#pick(able), Math.ceil(waiting / able.length));
      else this.#supplyOne(able, partitions);
    }
  }

  /** Takes out the first message that waits to be delivered, to look at it. */
  takeOne(): Run | undefined {
    let run = this.#waiting.returned.take(1);
    if (run === undefined && !this.#queue.outbox.empty) {
      this.#queue.persist();
      this.#one.run = undefined;
      this.#queue.outbox.takeMessages(1, Number.POSITIVE_INFINITY, this.#one);
      run = this.#one.run;
    }
    this.#queue.countOthers();
    return run;
  }

  /** Takes a single message out of the outbox. */
  readonly #one: RangeSink & { run: Run | undefined } = {
    run: undefined,
    range: (chunk, start, end, count, order) => {
      this.#one.run = this.#queue.newRun(chunk, start, end, count, order);
    },
    gap: (lost) => {
      this.#waiting.lost += lost;
    },
  };

  /** Whether nothing waits that could be delivered now. */
  get #isEmpty(): boolean {
    const { returned, lost } = this.#waiting;
    return this.#queue.outbox.empty && returned.messages === 0 && lost === 0;
  }

  /** In a partitioned queue: what was put aside for members that had no room. */
  #supplyParked(partitions: Partitions): void {
    if (partitions.messages > 0 && this.#waiting.returned.messages > 0) this.#parkReturned(partitions);
    for (const member of this.#queue.members) {
      while (member.room > 0) {
        const run = partitions.unpark(member);
        if (run === undefined) {
          if (partitions.adopt(member)) continue;
          break;
        }
        if (this.#fate.expire(run)) {
          if (run.key !== undefined) partitions.release(run.key);
          continue;
        }
        this.#core.dirty(member.peer);
        member.deliver(run);
      }
    }
    this.#queue.countOthers();
  }

  /** What came back of keys of which something is put aside goes in order with that: no member had room when it was its turn. */
  #parkReturned(partitions: Partitions): void {
    const isParked = ({ key }: Run): boolean => key !== undefined && partitions.isParked(key);
    for (const run of this.#waiting.returned.takeIf(isParked)) partitions.park(run.key!, run);
  }

  /** In a partitioned queue: the next message, to the member that has its key. */
  #supplyOne(able: readonly Member[], partitions: Partitions): void {
    const run = this.takeOne();
    this.#tellLost(able[0]!);
    if (run === undefined || this.#fate.expire(run)) return;
    const key = this.#waiting.keyOf(run);
    const owner = key === undefined ? undefined : partitions.ownerOf(key);
    if (key !== undefined && owner !== undefined && (owner.room === 0 || partitions.isParked(key))) {
      partitions.park(key, run);
      this.#queue.countOthers();
      return;
    }
    const member = owner ?? this.#pick(able);
    if (key !== undefined) partitions.hold(key, member);
    this.#core.dirty(member.peer);
    member.deliver(run);
  }

  /** The one that holds least, in turn among equals: who settles sooner gets more. */
  #pick(able: readonly Member[]): Member {
    const turn = this.#next++ % able.length;
    let best = able[turn]!;
    for (let i = 1; i < able.length; i++) {
      const member = able[(turn + i) % able.length]!;
      if (member.unsettledMessages < best.unsettledMessages) best = member;
    }
    return best;
  }

  #supply(member: Member, share: number): void {
    const { outbox } = this.#queue;
    const { returned, expiries } = this.#waiting;
    this.#core.dirty(member.peer);
    this.#tellLost(member);
    const most = Math.min(share, member.room);
    const isTimed = expiries.size > 0;
    if (returned.messages > 0) {
      const run = returned.take(isTimed ? 1 : most)!;
      this.#queue.countOthers();
      if (!this.#fate.expire(run)) member.deliver(run);
    } else if (isTimed && outbox.messages > 0) {
      const run = this.takeOne()!;
      this.#tellLost(member);
      if (!this.#fate.expire(run)) member.deliver(run);
    } else {
      member.peer.link.deliverSome(member, outbox, most, SHARE_BYTES);
    }
  }

  /** Tells `member` of what was lost in front of all that waits. */
  #tellLost(member: Member): void {
    const { lost } = this.#waiting;
    if (lost === 0) return;
    this.#core.dirty(member.peer);
    member.peer.link.gapFor(member, lost);
    this.#waiting.lost = 0;
  }
}

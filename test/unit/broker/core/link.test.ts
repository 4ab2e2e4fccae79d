import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ChunkPool, type PooledChunk } from "../../../../broker/core/chunks.ts";
import { type Consumer, Link, type Source } from "../../../../broker/core/link.ts";
import { Outbox } from "../../../../broker/core/outbox.ts";
import type { Transport } from "../../../../broker/core/transport.ts";
import { FrameWriter } from "../../../../shared/codec/write.ts";
import { decodeFirst, type Element } from "../../../support/msgpack.ts";
import { numbersIn, Owner, Reader } from "./model.ts";

const OUTGOING_BYTES = 10_000;

/** Takes bytes at once, or holds a write until it is told how much of it the peer took. */
class Peer implements Transport {
  readonly pieces: Buffer[] = [];
  takesAtOnce = true;
  #writing: Buffer | undefined;
  #taken = 0;

  write(ranges: readonly Buffer[]): boolean {
    if (this.#writing !== undefined) throw new Error("a write is under way");
    this.#writing = Buffer.concat(ranges);
    this.#taken = 0;
    if (!this.takesAtOnce) return false;
    this.takeAll();
    return true;
  }

  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  take(bytes: number): void {
    const writing = this.#writing!;
    const end = Math.min(writing.length, this.#taken + bytes);
    this.pieces.push(Buffer.from(writing.subarray(this.#taken, end)));
    this.#taken = end;
  }

  takeAll(): void {
    this.take(Number.POSITIVE_INFINITY);
    this.#writing = undefined;
  }

  untakenBytes(): number {
    return this.#writing === undefined ? 0 : this.#writing.length - this.#taken;
  }

  /** The whole frames that the peer has. */
  frames(): Element[][] {
    const all = Buffer.concat(this.pieces);
    const frames: Element[][] = [];
    for (let at = 0; ;) {
      const first = decodeFirst(all.subarray(at));
      if (first === undefined) return frames;
      frames.push(first.elements);
      at += first.bytes.length;
    }
  }

  open(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

/** One subscription: its outbox, and what it hears of its messages. */
class Subscriber implements Consumer, Source {
  readonly sid: number;
  readonly attempt = 1;
  readonly nextSeq = 0;
  readonly outbox: Outbox;
  readonly #link: Link;
  handedOver = 0;
  writtenCount = 0;
  /** Losses of which it was not told. */
  untoldCount = 0;
  /** Numbers that came back, the last first. */
  readonly back: number[] = [];

  constructor(pool: ChunkPool, link: Link, sid: number) {
    this.#link = link;
    this.sid = sid;
    this.outbox = new Outbox(new Owner(), pool, { maxMessages: 1e6, maxBytes: 1e9, overflow: "block" });
  }

  supply(): void {
    this.#link.deliver(this, this.outbox);
    if (!this.outbox.empty) this.#link.ready(this);
  }

  takenEarly(): void {}

  handed(_chunk: PooledChunk, _start: number, _end: number, count: number): void {
    this.handedOver += count;
  }

  written(count: number): void {
    this.writtenCount += count;
  }

  untold(lost: number): void {
    this.untoldCount += lost;
  }

  unwritten(chunk: PooledChunk, start: number, end: number, count: number): void {
    const numbers = numbersIn(chunk.buf, start, end);
    expect(numbers).toHaveLength(count);
    this.back.push(...numbers.toReversed());
  }
}

function setUp(subscribers = 2): { pool: ChunkPool; peer: Peer; link: Link; reader: Reader; subs: Subscriber[] } {
  const pool = new ChunkPool();
  const peer = new Peer();
  const link = new Link({ chunks: pool, outgoingBytes: OUTGOING_BYTES }, peer);
  const subs = Array.from({ length: subscribers }, (_, i) => new Subscriber(pool, link, i + 1));
  return { pool, peer, link, reader: new Reader(pool, 8192), subs };
}

function push({ outbox }: Subscriber, reader: Reader, number: number, ballast = 10): void {
  const { chunk, start, end } = reader.read(number, ballast);
  outbox.push(chunk, start, end);
}

const control = (id: number): FrameWriter => new FrameWriter().frame(3, 5).int(id).int(0);

/** [op, what matters of it]: sid of a FOR or GAP, number of a PUB, id of an OK. */
function brief(frames: Element[][]): [Element, Element][] {
  return frames.map(([op, second, third]) => [op!, (op === 1 ? third : second)!]);
}

describe("by hand", () => {
  test("a FOR comes when the context changes, and holds over other frames and writes", () => {
    const { link, peer, reader, subs } = setUp();
    const [a, b] = subs as [Subscriber, Subscriber];
    const say = (to: Subscriber, number: number): void => {
      push(to, reader, number);
      link.ready(to);
      link.pump();
    };
    say(a, 1);
    link.control(control(9));
    say(a, 2);
    say(b, 3);
    say(b, 4);
    say(a, 5);
    expect(brief(peer.frames())).toEqual([
      [10, 1],
      [1, 1],
      [5, 9],
      [1, 2],
      [10, 2],
      [1, 3],
      [1, 4],
      [10, 1],
      [1, 5],
    ]);
  });

  test("the context of a subscription that is over is over", () => {
    const { link, peer, reader, subs } = setUp(1);
    const [a] = subs as [Subscriber];
    for (const number of [1, 2]) {
      push(a, reader, number);
      link.deliver(a, a.outbox);
      link.forget(a.sid);
    }
    link.flush();
    expect(brief(peer.frames())).toEqual([
      [10, 1],
      [1, 1],
      [10, 1],
      [1, 2],
    ]);
  });

  test("losses at one point are one GAP, whoever told of them", () => {
    const { link, peer, reader, subs } = setUp();
    const [a, b] = subs as [Subscriber, Subscriber];
    link.gapFor(a, 2);
    link.gapFor(a, 3);
    link.gapFor(b, 1);
    link.gapFor(a, 1);
    push(a, reader, 1);
    link.deliver(a, a.outbox);
    link.gapFor(a, 4);
    link.flush();
    expect(peer.frames()).toEqual(
      [
        [14, 1, 5],
        [14, 2, 1],
        [14, 1, 1],
        [10, 1],
        [1, "t", 1, expect.anything()],
        [14, 1, 4],
      ].map((it) => expect.arrayContaining(it)),
    );
    expect(link.pendingBytes).toBe(0);
  });

  test("a GAP that the peer did not get is for another", () => {
    const { link, peer, reader, subs } = setUp();
    const [a, b] = subs as [Subscriber, Subscriber];
    peer.takesAtOnce = false;
    link.gapFor(a, 2);
    push(a, reader, 1);
    link.deliver(a, a.outbox);
    link.flush();
    peer.take(4); // the whole of the first GAP, and nothing of what follows
    link.gapFor(b, 5);
    link.gapFor(a, 7);
    link.retract();
    expect([a.untoldCount, b.untoldCount]).toEqual([7, 5]);
    link.gapFor(b, 1);
    link.close();
    expect([a.untoldCount, b.untoldCount]).toEqual([7, 6]);
    expect(a.back).toEqual([1]);
  });

  test("flags mark one message, and the next is unmarked", () => {
    const { link, peer, reader, subs } = setUp(1);
    const [a] = subs as [Subscriber];
    const { chunk, start, end } = reader.read(1, 10);
    link.deliverOne(a, chunk, start, end, 1);
    push(a, reader, 2);
    link.deliver(a, a.outbox);
    link.flush();
    expect(peer.frames().map((each) => each.slice(0, 5))).toEqual([
      [10, 1, null, null, 1],
      [1, "t", 1, null, Buffer.alloc(10)],
      [10, 1],
      [1, "t", 2, null, Buffer.alloc(10)],
    ]);
  });

  test("one write a turn, and none while one is under way", () => {
    const { link, peer, reader, subs } = setUp(1);
    const [a] = subs as [Subscriber];
    peer.takesAtOnce = false;
    push(a, reader, 1);
    link.ready(a);
    link.pump();
    expect([peer.isWriting, link.idle]).toEqual([true, false]);
    push(a, reader, 2);
    link.ready(a);
    link.pump();
    expect([a.handedOver, a.writtenCount]).toEqual([2, 0]);
    peer.takeAll();
    link.written();
    expect([a.writtenCount, peer.isWriting]).toEqual([1, false]);
    link.flush();
    peer.takeAll();
    link.written();
    expect([a.writtenCount, link.idle, link.pendingBytes, link.writingBytes]).toEqual([2, true, 0, 0]);
  });

  test("there is room until as much waits as the limit; control frames need none", () => {
    const { link, peer, reader, subs } = setUp(1);
    const [a] = subs as [Subscriber];
    peer.takesAtOnce = false;
    for (let i = 0; i < 30; i++) push(a, reader, i, 1000);
    link.ready(a);
    link.pump();
    expect(link.room).toBeLessThanOrEqual(0);
    expect(a.handedOver).toBeLessThan(30);
    const before = link.pendingBytes;
    link.control(control(1));
    expect(link.pendingBytes).toBeGreaterThan(before);
    expect(link.answerBytes).toBe(control(1).length);
  });

  test("those who are ready take turns", () => {
    const { link, peer, reader, subs } = setUp(3);
    peer.takesAtOnce = false;
    for (const sub of subs) for (let i = 0; i < 40; i++) push(sub, reader, i, 1500);
    for (const sub of subs) link.ready(sub);
    for (let i = 0; i < 60; i++) {
      link.pump();
      if (!peer.isWriting) break;
      peer.takeAll();
      link.written();
      const most = Math.max(...subs.map((sub) => sub.handedOver));
      const least = Math.min(...subs.map((sub) => sub.handedOver));
      expect(most - least).toBeLessThanOrEqual(16);
    }
    expect(subs.map((sub) => sub.writtenCount)).toEqual([40, 40, 40]);
  });

  test("retract takes back what is not being written; frames of the broker's own stay", () => {
    const { link, peer, reader, subs } = setUp(1);
    const [a] = subs as [Subscriber];
    peer.takesAtOnce = false;
    push(a, reader, 1);
    link.ready(a);
    link.pump();
    for (const number of [2, 3]) push(a, reader, number);
    link.deliver(a, a.outbox);
    link.control(control(7));
    link.retract();
    expect(a.back).toEqual([3, 2]);
    for (let i = 0; i < 2; i++) {
      peer.takeAll();
      link.written();
      link.flush();
    }
    expect(brief(peer.frames())).toEqual([
      [10, 1],
      [1, 1],
      [5, 7],
    ]);
  });

  test("a gap stands in front of what follows it", () => {
    const { link, peer, reader, subs } = setUp(1);
    const [a] = subs as [Subscriber];
    push(a, reader, 1);
    a.outbox.lose();
    push(a, reader, 3);
    link.deliver(a, a.outbox);
    link.flush();
    expect(brief(peer.frames())).toEqual([
      [10, 1],
      [1, 1],
      [14, 1],
      [1, 3],
    ]);
  });
});

// ── Properties ──────────────────────────────────────────────────────────────────────────────────────────────────────

type Step =
  { do: "push"; to: number; ballast: number } | { do: "control" | "pump" | "takeAll" } | { do: "take"; bytes: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      to: fc.nat({ max: 2 }),
      ballast: fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 60 }) }, fc.nat({ max: 5000 })),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("control" as const, "pump" as const, "takeAll" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("take" as const), bytes: fc.integer({ min: 1, max: 3000 }) }) },
);

test("whatever the peer takes, each message is written or comes back, once, and in order", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const { pool, link, peer, subs } = setUp(3);
      const readers = subs.map(() => new Reader(pool, 8192));
      peer.takesAtOnce = false;
      let controls = 0;
      let next = 0;
      const sent: number[][] = subs.map(() => []);
      for (const each of steps) {
        if (each.do === "push") {
          const sub = subs[each.to]!;
          const wasEmpty = sub.outbox.empty;
          push(sub, readers[next % 3]!, next, each.ballast);
          sent[each.to]!.push(next++);
          if (wasEmpty) link.ready(sub);
        } else if (each.do === "control") link.control(control(++controls));
        else if (each.do === "pump") {
          link.pump();
          for (const { outbox } of subs) outbox.compact();
        } else if (!peer.isWriting) continue;
        else if (each.do === "take") peer.take(Math.min(each.bytes, peer.untakenBytes() - 1));
        else {
          peer.takeAll();
          link.written();
        }
      }
      link.close();
      // What the peer has, as frames: the contexts say whose each message is.
      const had: number[][] = subs.map(() => []);
      let sid = 0;
      let answered = 0;
      for (const [op, value] of brief(peer.frames())) {
        if (op === 10) {
          expect(value).not.toBe(sid);
          sid = value as number;
        } else if (op === 1) had[sid - 1]!.push(value as number);
        else expect(value).toBe(++answered);
      }
      for (const [i, sub] of subs.entries()) {
        const waiting: number[] = [];
        sub.outbox.takeBytes(Number.POSITIVE_INFINITY, {
          range: (chunk, start, end) => waiting.push(...numbersIn(chunk.buf, start, end)),
          gap: () => {},
        });
        expect([...had[i]!, ...sub.back.toReversed(), ...waiting]).toEqual(sent[i]);
        expect(sub.writtenCount).toBe(had[i]!.length);
        expect(sub.handedOver).toBe(sub.writtenCount + sub.back.length);
      }
      for (const reader of readers) reader.close();
      expect(pool.heldBytes).toBe(0);
    }),
    { numRuns: 150 },
  );
});

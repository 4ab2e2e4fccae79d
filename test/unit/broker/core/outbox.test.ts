import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { bytesOfAll, ChunkPool } from "../../../../broker/core/chunks.ts";
import { Outbox, type OutboxLimits } from "../../../../broker/core/outbox.ts";
import { Owner, Reader, type Seen, Sink } from "./model.ts";

const NO_LIMIT = Number.POSITIVE_INFINITY;

function limits(maxMessages = 1000, maxBytes = 1_000_000): OutboxLimits {
  return { maxMessages, maxBytes, overflow: "block" };
}

function setUp(of: OutboxLimits = limits()): { pool: ChunkPool; owner: Owner; outbox: Outbox; reader: Reader } {
  const pool = new ChunkPool();
  const owner = new Owner();
  return { pool, owner, outbox: new Outbox(owner, pool, of), reader: new Reader(pool, 4096) };
}

function push(outbox: Outbox, reader: Reader, number: number, ballast = 10): void {
  const { chunk, start, end } = reader.read(number, ballast);
  outbox.push(chunk, start, end);
}

function taken(outbox: Outbox): Seen[] {
  const sink = new Sink();
  outbox.takeBytes(NO_LIMIT, sink);
  return sink.seen;
}

describe("by hand", () => {
  test("frames that follow one another are one range", () => {
    const { outbox, reader } = setUp();
    for (let i = 0; i < 5; i++) push(outbox, reader, i);
    const ranges: number[] = [];
    outbox.takeBytes(NO_LIMIT, { range: (_chunk, _start, _end, count) => ranges.push(count), gap: () => {} });
    expect(ranges).toEqual([5]);
    expect([outbox.messages, outbox.bytes, bytesOfAll(outbox.chunks()), outbox.empty]).toEqual([0, 0, 0, true]);
  });

  test("its owner is told once until it has looked", () => {
    const { outbox, owner, reader } = setUp();
    push(outbox, reader, 0);
    push(outbox, reader, 1);
    expect(owner.touches).toBe(1);
    outbox.touched = false;
    push(outbox, reader, 2);
    outbox.lose();
    expect(owner.touches).toBe(2);
  });

  test("is full at as many messages, or bytes, as the limit", () => {
    const { outbox, reader } = setUp(limits(3, 100));
    push(outbox, reader, 0);
    push(outbox, reader, 1);
    expect(outbox.full).toBe(false);
    push(outbox, reader, 2);
    expect(outbox.full).toBe(true);
    outbox.takeMessages(1, NO_LIMIT, new Sink());
    expect(outbox.full).toBe(false);
    push(outbox, reader, 3, 80);
    expect(outbox.full).toBe(true);
    outbox.limit(limits(10, 10_000));
    expect(outbox.full).toBe(false);
    outbox.countOthers(7, 0);
    expect(outbox.full).toBe(true);
  });

  test("drains to half of both before those who wait for it are told", () => {
    const { outbox, owner, reader } = setUp(limits(10));
    for (let i = 0; i < 10; i++) push(outbox, reader, i);
    outbox.awaited = true;
    outbox.takeMessages(4, NO_LIMIT, new Sink());
    expect(owner.drains).toBe(0);
    outbox.takeMessages(1, NO_LIMIT, new Sink());
    expect(owner.drains).toBe(1);
    outbox.awaited = false;
    outbox.takeMessages(1, NO_LIMIT, new Sink());
    expect(owner.drains).toBe(1);
  });

  test("a gap stands where the messages were", () => {
    const { outbox, reader } = setUp();
    outbox.lose();
    push(outbox, reader, 1);
    push(outbox, reader, 2);
    outbox.lose();
    outbox.lose();
    push(outbox, reader, 5);
    outbox.lose();
    expect(outbox.empty).toBe(false);
    expect(taken(outbox)).toEqual([{ lost: 1 }, 1, 2, { lost: 2 }, 5, { lost: 1 }]);
    expect(outbox.empty).toBe(true);
    expect(outbox.counts()).toMatchObject({ accepted: 7, dropped: 4, waiting: 0 });
  });

  test("the oldest go first where they are dropped, and their gap is in front of what is left", () => {
    const { outbox, reader } = setUp();
    for (let i = 0; i < 5; i++) push(outbox, reader, i);
    outbox.dropOldest();
    outbox.dropOldest();
    expect(taken(outbox)).toEqual([{ lost: 2 }, 2, 3, 4]);
    push(outbox, reader, 5);
    outbox.dropOldest();
    expect(taken(outbox)).toEqual([{ lost: 1 }]);
  });

  test("what is trimmed at the turn's end leaves what would be left had each message made room for itself", () => {
    const step = fc.oneof(
      { arbitrary: fc.record({ ballast: fc.integer({ min: 0, max: 120 }) }), weight: 8 },
      { arbitrary: fc.record({ take: fc.integer({ min: 1, max: 400 }) }), weight: 1 },
      { arbitrary: fc.constant("turn" as const), weight: 2 },
    );
    const limit = fc.record({
      maxMessages: fc.integer({ min: 1, max: 12 }),
      maxBytes: fc.integer({ min: 1, max: 600 }),
    });
    const sameLeft = fc.property(limit, fc.array(step, { maxLength: 80 }), (of, steps) => {
      const dropping: OutboxLimits = { ...of, overflow: "drop-oldest" };
      const { pool, outbox: atOnce, reader } = setUp(dropping);
      const late = new Outbox(new Owner(), pool, dropping, true);
      const seen = { atOnce: new Sink(), late: new Sink() };
      const turn = (): void => {
        late.trim();
        for (const outbox of [atOnce, late]) outbox.compact();
        expect([late.messages, late.bytes, late.recount()]).toEqual([atOnce.messages, atOnce.bytes, atOnce.recount()]);
        expect(late.counts()).toEqual(atOnce.counts());
      };
      steps.forEach((what, number) => {
        if (what === "turn") return turn();
        if ("take" in what) {
          turn();
          atOnce.takeMessages(what.take, what.take, seen.atOnce);
          late.takeMessages(what.take, what.take, seen.late);
          return;
        }
        const { chunk, start, end } = reader.read(number, what.ballast);
        while (atOnce.full) atOnce.dropOldest();
        atOnce.push(chunk, start, end);
        if (late.full) late.putOff();
        expect(late.full).toBe(false);
        late.push(chunk, start, end);
      });
      turn();
      atOnce.takeBytes(NO_LIMIT, seen.atOnce);
      late.takeBytes(NO_LIMIT, seen.late);
      expect(seen.late).toEqual(seen.atOnce);
      reader.close();
      expect(pool.heldBytes).toBe(0);
    });
    fc.assert(sameLeft, { numRuns: 300 });
  });

  test("what a turn brings is bounded all the same", () => {
    const { pool } = setUp();
    const reader = new Reader(pool, 64 * 1024);
    const outbox = new Outbox(new Owner(), pool, { ...limits(3, 100), overflow: "drop-oldest" }, true);
    for (let i = 0; i < 126; i++) {
      if (i === 1) {
        expect(outbox.full).toBe(true);
        outbox.putOff();
      }
      expect(outbox.full).toBe(false);
      push(outbox, reader, i, 1024);
    }
    push(outbox, reader, 126, 1024);
    expect(outbox.full).toBe(true);
    outbox.trim();
    expect(outbox.full).toBe(true);
    expect(taken(outbox)).toEqual([{ lost: 126 }, 126]);
  });

  test("a message that is taken elsewhere keeps its place among the others, also after a turn", () => {
    const { outbox, pool } = setUp();
    const reader = new Reader(pool, 400);
    push(outbox, reader, 0, 300);
    expect(outbox.acceptElsewhere()).toBe(1);
    outbox.compact();
    push(outbox, reader, 2, 10);
    const sink = new Sink();
    outbox.takeBytes(NO_LIMIT, sink);
    expect(sink.orders).toEqual([0, 2]);
  });

  test("small ranges that wait do not keep the chunks that they came in", () => {
    const { outbox, pool } = setUp();
    for (let i = 0; i < 50; i++) {
      const reader = new Reader(pool, 60_000);
      push(outbox, reader, i);
      reader.close();
    }
    expect(pool.heldBytes).toBe(50 * 60_000);
    outbox.compact();
    expect(pool.heldBytes).toBeLessThan(50 * 60 * 4);
    expect(bytesOfAll(outbox.chunks())).toBe(pool.heldBytes);
    expect(taken(outbox)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(pool.heldBytes).toBe(0);
  });

  test("a range that is most of its chunk stays where it is", () => {
    const { outbox, pool } = setUp();
    const reader = new Reader(pool, 4096);
    push(outbox, reader, 0, 3000);
    outbox.compact();
    expect(bytesOfAll(outbox.chunks())).toBe(4096);
  });
});

// ── Against a plain model ───────────────────────────────────────────────────────────────────────────────────────────

type Step =
  | { do: "push"; reader: number; ballast: number }
  | { do: "take"; maxBytes: number }
  | { do: "takeMessages"; maxMessages: number; maxBytes: number }
  | { do: "lose" | "dropOldest" | "compact" | "clear" | "elsewhere" };

/** Any step; messages have up to `maxBallast` bytes of it. */
const stepOf = (maxBallast: number): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant("push" as const),
        reader: fc.nat({ max: 2 }),
        ballast: fc.oneof({ weight: 6, arbitrary: fc.nat({ max: 40 }) }, fc.nat({ max: maxBallast })),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("take" as const), maxBytes: fc.integer({ min: 1, max: 9000 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("takeMessages" as const),
        maxMessages: fc.integer({ min: 1, max: 12 }),
        maxBytes: fc.integer({ min: 1, max: 9000 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom("lose" as const, "dropOldest" as const, "elsewhere" as const) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("compact" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("clear" as const) }) },
  );

/** What waits, message by message, with the losses in front of each. */
class Model {
  waiting: { number: number; order: number; bytes: number; lost: number }[] = [];
  lost = 0;
  accepted = 0;

  /** What a taker sees who takes `count` messages. */
  take(count: number): { seen: Seen[]; orders: number[] } {
    const gone = this.waiting.splice(0, count);
    const seen = gone.flatMap(({ number, lost }): Seen[] => (lost > 0 ? [{ lost }, number] : [number]));
    if (this.waiting.length === 0 && this.lost > 0) {
      seen.push({ lost: this.lost });
      this.lost = 0;
    }
    return { seen, orders: gone.map(({ order }) => order) };
  }
}

describe.each([40, 6000])("properties, with messages of up to %i bytes", (maxBallast) => {
  test("it does what a plain list does, its books are right, and no chunk is held for nothing", () => {
    fc.assert(
      fc.property(fc.array(stepOf(maxBallast), { minLength: 5, maxLength: 120, size: "max" }), (steps) => {
        const { pool, outbox } = setUp(limits(20, 20_000));
        const readers = [new Reader(pool, 4096), new Reader(pool, 4096), new Reader(pool, 512)];
        const model = new Model();
        let next = 0;
        for (const each of steps) {
          switch (each.do) {
            case "push": {
              const { chunk, start, end } = readers[each.reader]!.read(next, each.ballast);
              outbox.push(chunk, start, end);
              model.waiting.push({ number: next++, order: model.accepted++, bytes: end - start, lost: model.lost });
              model.lost = 0;
              break;
            }
            case "take":
            case "takeMessages": {
              const sink = new Sink();
              const before = model.waiting.map(({ bytes }) => bytes);
              const count =
                each.do === "take"
                  ? outbox.takeBytes(each.maxBytes, sink)
                  : outbox.takeMessages(each.maxMessages, each.maxBytes, sink);
              const { seen, orders } = model.take(count);
              expect(sink.seen).toEqual(seen);
              expect(sink.orders).toEqual(orders);
              // Enough was taken, and where whole messages are counted none that begins behind the limit.
              const isEnough = model.waiting.length === 0 || sink.bytes >= each.maxBytes;
              if (each.do === "take") expect(isEnough).toBe(true);
              else {
                expect(count).toBeLessThanOrEqual(each.maxMessages);
                expect(isEnough || count === each.maxMessages).toBe(true);
                expect(before.slice(0, Math.max(0, count - 1)).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(
                  each.maxBytes,
                );
              }
              break;
            }
            case "lose":
              outbox.lose();
              model.accepted++;
              model.lost++;
              break;
            case "elsewhere":
              expect(outbox.acceptElsewhere()).toBe(model.accepted++);
              break;
            case "dropOldest": {
              const oldest = model.waiting.shift();
              if (oldest === undefined) break;
              expect(outbox.dropOldest()).toBe(oldest.order);
              const first = model.waiting[0];
              if (first === undefined) model.lost += oldest.lost + 1;
              else first.lost += oldest.lost + 1;
              break;
            }
            case "compact":
              outbox.touched = false;
              outbox.compact();
              break;
            case "clear":
              expect(outbox.clear()).toBe(model.waiting.length);
              model.waiting = [];
              model.lost = 0;
              break;
          }
          const bytes = model.waiting.reduce((sum, message) => sum + message.bytes, 0);
          expect([outbox.messages, outbox.bytes]).toEqual([model.waiting.length, bytes]);
          expect(outbox.recount()).toEqual({ messages: model.waiting.length, bytes });
          expect(outbox.empty).toBe(model.waiting.length === 0 && model.lost === 0);
          expect(outbox.full).toBe(model.waiting.length >= 20 || bytes >= 20_000);
          expect(outbox.counters.accepted).toBe(model.accepted);
        }
        for (const reader of readers) reader.close();
        outbox.compact();
        // Now nobody else holds a chunk.
        expect(bytesOfAll(outbox.chunks())).toBe(pool.heldBytes);
        expect(bytesOfAll(outbox.chunks()) > 0).toBe(model.waiting.length > 0);
        const sink = new Sink();
        const count = outbox.takeBytes(NO_LIMIT, sink);
        expect(sink.seen).toEqual(model.take(count).seen);
        expect([outbox.messages, outbox.bytes, bytesOfAll(outbox.chunks()), pool.heldBytes]).toEqual([0, 0, 0, 0]);
      }),
      { numRuns: 150 },
    );
  });
});

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { bytesOfAll, ChunkPool } from "../../../../broker/core/chunks.ts";
import { LatestOutbox } from "../../../../broker/core/latest.ts";
import { Owner, Reader, Sink } from "./model.ts";

/** Drops from its outbox, as subscriptions do. */
class Dropping extends Owner {
  outbox!: LatestOutbox;

  override dropOldest(): boolean {
    if (this.outbox.messages === 0) return false;
    this.outbox.dropOldest();
    return true;
  }
}

const step = fc.oneof(
  fc.record({
    do: fc.constant("put" as const),
    topic: fc.constantFrom("a", "b", "c", "d"),
    ballast: fc.nat({ max: 40 }),
  }),
  fc.record({ do: fc.constant("take" as const), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constantFrom("compact" as const, "clear" as const) }),
);

test("one message a topic waits, the newest, behind those that came before it; what is lost is told and no chunk is kept", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (steps, maxMessages) => {
      const pool = new ChunkPool();
      const owner = new Dropping();
      const outbox = new LatestOutbox(owner, pool, { maxMessages, maxBytes: 1_000_000, overflow: "latest" });
      owner.outbox = outbox;
      const reader = new Reader(pool, 1024);
      let plain: [string, number][] = [];
      let lost = 0;
      let n = 0;
      for (const each of steps) {
        if (each.do === "put") {
          const { chunk, start, end } = reader.read(n, each.ballast);
          const before = plain.length;
          plain = plain.filter(([topic]) => topic !== each.topic);
          if (plain.length === before && plain.length >= maxMessages) plain.shift();
          lost += before - plain.length;
          plain.push([each.topic, n++]);
          outbox.put(each.topic, chunk, start, end);
        } else if (each.do === "take") {
          const sink = new Sink();
          outbox.takeMessages(each.count, Number.POSITIVE_INFINITY, sink);
          const taken: unknown[] = plain.splice(0, each.count).map(([, number]) => number);
          expect(sink.seen).toEqual(lost > 0 ? [{ lost }, ...taken] : taken);
          lost = 0;
        } else if (each.do === "compact") {
          outbox.compact();
        } else {
          expect(outbox.clear()).toBe(plain.length);
          plain = [];
          lost = 0;
        }
        expect([outbox.messages, outbox.untold, outbox.empty]).toEqual([
          plain.length,
          lost,
          plain.length === 0 && lost === 0,
        ]);
        expect(outbox.recount()).toEqual({ messages: outbox.messages, bytes: outbox.bytes });
      }
      outbox.clear();
      reader.close();
      expect([bytesOfAll(outbox.chunks()), pool.heldBytes]).toEqual([0, 0]);
    }),
  );
});

test("a message costs the same however many it replaces, and however many topics wait", () => {
  const pool = new ChunkPool();
  const owner = new Owner();
  const outbox = new LatestOutbox(owner, pool, { maxMessages: 100_000, maxBytes: 1e9, overflow: "latest" });
  const reader = new Reader(pool, 64 * 1024);
  for (let i = 0; i < 200_000; i++) {
    const { chunk, start, end } = reader.read(i, 0);
    outbox.put(`t.${i % 50_000}`, chunk, start, end);
  }
  expect([outbox.messages, outbox.untold]).toEqual([50_000, 150_000]);
});

// What is published many frames at a time comes out as if each had come by itself.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { CoreOptions } from "../../../../../broker/core/options.ts";
import { check } from "../../../../../broker/core/sys/check.ts";
import { type Element, ext1, frame } from "../../../../support/msgpack.ts";
import { Op } from "../../../../support/raw-client.ts";
import { World } from "../../../../support/simulated.ts";

interface Receiver {
  readonly pattern: string;
  readonly options: Record<string, string | number | boolean>;
  /** Whether the client holds it with XOFF: what it gets waits. */
  readonly isHeld: boolean;
}

/** All that can be seen of a broker that was given `frames`, in reads of so many frames each. */
function outcome(
  frames: readonly Buffer[],
  receivers: readonly Receiver[],
  perRead: number,
  options?: Partial<CoreOptions>,
) {
  const world = new World(options);
  const clients = receivers.map(({ pattern, options, isHeld }) => {
    const client = world.connect();
    client.send(Op.SUB, 1, pattern, ext1(options));
    if (isHeld) client.send(Op.XOFF, 1);
    world.run();
    return client;
  });
  const publisher = world.connect();
  for (let i = 0; i < frames.length; i += perRead) publisher.write(Buffer.concat(frames.slice(i, i + perRead)));
  publisher.send(Op.SYNC, 9);
  world.run();
  const waiting = world.core.counters();
  for (const client of clients) client.send(Op.XON, 1);
  world.run();
  return {
    published: publisher.read(),
    received: clients.map((client) => client.read()),
    waiting,
    counters: world.core.counters(),
    messages: world.core.traffic().published,
    problems: check(world.core).problems,
    imbalance: world.imbalance,
    errors: world.errors,
  };
}

function expectAlike(frames: readonly Buffer[], receivers: readonly Receiver[], options?: Partial<CoreOptions>): void {
  const together = outcome(frames, receivers, frames.length, options);
  expect(together).toEqual(outcome(frames, receivers, 1, options));
  expect(together.problems).toEqual([]);
  expect(together.imbalance).toBe(0);
}

const publishes = (count: number, topic = "t"): Buffer[] =>
  Array.from({ length: count }, (_, i) => frame(Op.PUB, topic, Buffer.from(`payload ${i}`)));

const all = (options: Receiver["options"] = {}, isHeld = false): Receiver => ({ pattern: ">", options, isHeld });

describe("by hand", () => {
  test("every message of a read comes, once and in order", () => {
    const { received } = outcome(publishes(100), [all()], 100);
    const payloads = received[0]!.filter(([op]) => op === Op.PUB).map(([, , payload]) => String(payload));
    expect(payloads).toEqual(Array.from({ length: 100 }, (_, i) => `payload ${i}`));
  });

  test("a limit is kept to the message", () => {
    for (const overflow of ["block", "drop-oldest", "drop-newest", "disconnect", "latest"]) {
      for (const maxMessages of [1, 2, 9, 10, 11]) {
        expectAlike(publishes(10), [all({ overflow, maxMessages }, true), all()]);
      }
      const growing = [10, 20, 30, 40, 50].map((bytes) => frame(Op.PUB, "t", Buffer.alloc(bytes)));
      for (let maxBytes = 1; maxBytes < 200; maxBytes++) expectAlike(growing, [all({ overflow, maxBytes }, true)]);
    }
  });

  test("another topic of the same length ends it, wherever it differs", () => {
    for (const other of ["xbcdefgh", "abcdxfgh", "abcdefgx", "abcxefgh"]) {
      expectAlike([...publishes(3, "abcdefgh"), ...publishes(3, other)], [all(), { ...all(), pattern: other }]);
    }
  });

  test("a frame that is too large is refused where it stands, and what came before it is published", () => {
    const frames = [...publishes(3), frame(Op.PUB, "t", Buffer.alloc(200)), ...publishes(3)];
    expectAlike(frames, [all()], { maxFrame: 100 });
    const { received, published } = outcome(frames, [all()], frames.length, { maxFrame: 100 });
    expect(received[0]!.filter(([op]) => op === Op.PUB)).toHaveLength(3);
    expect(published.at(-1)!.slice(0, 3)).toEqual([Op.ERR, null, "too_large"]);
  });

  test("what is published in spite of XOFF counts in the headroom, also where the queue has room again", () => {
    const world = new World({ headroom: 100 });
    const member = world.connect();
    member.send(Op.SUB, 1, "t", ext1({ queue: "q", ack: true, prefetch: 1, maxMessages: 100 }));
    world.run();
    const publisher = world.connect();
    for (const each of publishes(102)) publisher.write(each);
    world.run();
    expect(publisher.read().map(([op]) => op)).toEqual([Op.XOFF]);
    for (let seq = 1; seq <= 20; seq++) {
      member.send(Op.ACK, 1, seq, seq, 0);
      world.run();
    }
    expect([publisher.read(), publisher.isPaused]).toEqual([[], false]);
    publisher.write(Buffer.concat(publishes(10)));
    world.run();
    expect(publisher.isPaused).toBe(true);
  });

  test("a frame of which a part is still to come is not published before that", () => {
    const world = new World();
    const subscriber = world.connect();
    subscriber.send(Op.SUB, 1, "t");
    const publisher = world.connect();
    const bytes = Buffer.concat(publishes(3));
    for (let cut = 1; cut < bytes.length; cut++) {
      world.run();
      subscriber.read();
      publisher.write(bytes.subarray(0, cut));
      world.run();
      const whole = Math.floor((cut * 3) / bytes.length);
      expect(subscriber.read().filter(([op]) => op === Op.PUB)).toHaveLength(whole);
      publisher.write(bytes.subarray(cut));
      world.run();
      expect(subscriber.read().filter(([op]) => op === Op.PUB)).toHaveLength(3 - whole);
    }
  });
});

const payload: fc.Arbitrary<Element> = fc.oneof(
  fc.integer({ min: 0, max: 400 }).map((bytes) => Buffer.alloc(bytes, 1)),
  fc.constantFrom<Element>(null, 7, "text", "x".repeat(300), ext1({ a: 1 }), true),
);
const published = fc
  .record({
    topic: fc.constantFrom("a", "ab", "long.enough.x", "long.enough.y", "bad..topic", "$sys.x"),
    payload,
    op: fc.constantFrom(Op.PUB, Op.PUB, Op.PUB, Op.RETAIN),
    headers: fc.constantFrom(undefined, undefined, undefined, { id: "1" }, { ttlMs: 5 }),
    times: fc.integer({ min: 1, max: 6 }),
  })
  .map(({ topic, payload, op, headers, times }) => {
    const elements = [op, topic, payload, ...(headers === undefined ? [] : [ext1(headers)])] as const;
    return Array.from({ length: times }, () => frame(...elements));
  });
const receiver: fc.Arbitrary<Receiver> = fc.record({
  pattern: fc.constantFrom(">", "a", "long.enough.*", "long.>"),
  options: fc.record(
    {
      overflow: fc.constantFrom("block", "drop-oldest", "drop-newest", "latest"),
      maxMessages: fc.integer({ min: 1, max: 30 }),
      maxBytes: fc.integer({ min: 100, max: 2000 }),
      queue: fc.constantFrom("q"),
    },
    { requiredKeys: ["overflow"] },
  ),
  isHeld: fc.boolean(),
});

test("whatever is published, and whoever takes it", () => {
  fc.assert(
    fc.property(
      fc.array(published, { minLength: 1, maxLength: 12 }),
      fc.array(receiver, { maxLength: 3 }),
      (runs, receivers) => expectAlike(runs.flat(), receivers),
    ),
    { numRuns: 300 },
  );
});

// The ceiling of what the broker holds: those that hold most have to do with less, and lose no more than that takes.

import { describe, expect, test } from "vitest";

import { check } from "../../../../broker/core/sys/check.ts";
import { type Element, ext1, frame } from "../../../support/msgpack.ts";
import { Op } from "../../../support/raw-client.ts";
import { World } from "../../../support/simulated.ts";

const LIMIT = 1024 * 1024;
const MESSAGE_BYTES = 2000;

describe.each([
  ["a subscription", {}],
  ["a kept queue", { queue: "q", keep: true }],
] as const)("%s that drops", (_what, options) => {
  test.each(["drop-oldest", "latest"] as const)("by %s keeps all but what is too much", (overflow) => {
    const world = new World({ memoryLimit: LIMIT });
    const receiver = world.connect();
    const most = { maxMessages: 1_000_000, maxBytes: 1_000_000_000 };
    receiver.send(Op.SUB, 1, "t.>", ext1({ ...options, ...most, overflow } as Record<string, Element>));
    receiver.send(Op.XOFF, 1);
    world.run();
    const publisher = world.connect();
    let least = Infinity;
    let mostAtOnce = 0;
    let dropped = 0;
    for (let i = 0; i < 3000; i++) {
      publisher.send(Op.PUB, `t.${i}`, i, null, Buffer.alloc(MESSAGE_BYTES));
      world.run();
      const counters = world.core.counters();
      mostAtOnce = Math.max(mostAtOnce, counters.dropped - dropped);
      dropped = counters.dropped;
      if (dropped > 0) least = Math.min(least, counters.waiting);
      expect(world.core.chunks.heldBytes).toBeLessThan(LIMIT + 256 * 1024);
    }
    // What waits is worth two thirds of the ceiling at any time, and goes a few at a time.
    expect(dropped).toBeGreaterThan(1000);
    expect(least * MESSAGE_BYTES).toBeGreaterThan((LIMIT * 2) / 3);
    expect(mostAtOnce * MESSAGE_BYTES).toBeLessThan(LIMIT / 4);
    expect(check(world.core).problems).toEqual([]);
    receiver.send(Op.XON, 1);
    world.run();
    const came = receiver.read().filter(([op]) => op === Op.PUB);
    expect(came.at(-1)![2]).toBe(2999);
    expect(came).toHaveLength(3000 - dropped);
    expect(world.imbalance).toBe(0);
  });
});

test("that it was reached is counted, once for as long as it lasts, also where publishers just wait", () => {
  const world = new World({ memoryLimit: LIMIT });
  const receiver = world.connect();
  receiver.send(Op.SUB, 1, "t", ext1({ maxMessages: 1_000_000, maxBytes: 1_000_000_000 }));
  const publisher = world.connect();
  const fill = (): void => {
    receiver.send(Op.XOFF, 1);
    world.run();
    expect(world.core.pressure.isOn).toBe(false);
    for (let i = 0; i < 600; i++) {
      publisher.send(Op.PUB, "t", Buffer.alloc(MESSAGE_BYTES));
      world.run();
    }
    expect(world.core.pressure.isOn).toBe(true);
  };
  fill();
  expect(world.core.limited.memoryLimit).toBe(1);
  receiver.send(Op.XON, 1);
  world.run();
  fill();
  expect(world.core.limited.memoryLimit).toBe(2);
});

test.each([10, 300, 1000])(
  "what waits for %d that stopped is held once, as long as that is less than a copy for each",
  (count) => {
    const world = new World({ memoryLimit: 16 * LIMIT });
    const receiver = world.connect();
    for (let sid = 1; sid <= count; sid++) {
      receiver.send(Op.SUB, sid, "t");
      receiver.send(Op.XOFF, sid);
    }
    const publisher = world.connect();
    const turn = Buffer.concat(Array.from({ length: 450 }, () => frame(Op.PUB, "t", Buffer.alloc(128))));
    for (let i = 0; i < 100; i++) {
      publisher.write(turn);
      world.run();
    }
    expect(world.core.counters().waiting).toBe(100 * 450 * count);
    expect(world.core.chunks.heldBytes).toBeLessThan(100 * turn.length * 1.5);
    expect(check(world.core).problems).toEqual([]);
  },
);

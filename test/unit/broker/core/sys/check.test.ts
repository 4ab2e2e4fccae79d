import { describe, expect, test } from "vitest";

import { check } from "../../../../../broker/core/sys/check.ts";
import { ext1 } from "../../../../support/msgpack.ts";
import { World } from "../../../../support/simulated.ts";

/** A world in which something waits in a queue and in a subscription that does not read on. */
function busy(): World {
  const world = new World();
  const worker = world.connect();
  worker.send(2, 1, "job.>", ext1({ queue: "jobs", ack: true, prefetch: 2 }));
  worker.send(2, 2, "job.>");
  worker.send(12, 2);
  world.run();
  const publisher = world.connect();
  for (let i = 0; i < 5; i++) publisher.send(1, "job.a", i);
  world.run();
  return world;
}

describe("$sys.check", () => {
  test("finds nothing where the books balance", () => {
    const world = busy();
    expect(world.core.counters()).toMatchObject({ accepted: 10, inFlight: 2, waiting: 8 });
    const { ok, problems, counters, recounted, queues, subscriptions } = check(world.core);
    expect({ ok, problems, queues, subscriptions }).toEqual({ ok: true, problems: [], queues: 1, subscriptions: 2 });
    expect(counters).toMatchObject({ accepted: 10, inFlight: 2, waiting: 8 });
    expect(recounted).toEqual({ waiting: 8, inFlight: 2, heldBytes: world.core.chunks.heldBytes });
  });

  test("finds nothing wherever messages are", () => {
    const world = new World();
    const slow = world.connect();
    slow.isReading = false;
    // Queues of each kind, a subscription of each kind, and one that is over while it is written to.
    const kinds = [
      { queue: "plain" },
      { queue: "acked", ack: true, prefetch: 3 },
      { queue: "kept", ack: true, keep: true, partitionBy: "key", prefetch: 2, maxAttempts: 1, deadLetter: "dead.a" },
      { queue: "latest", overflow: "latest" },
      { overflow: "latest" },
      { overflow: "drop-oldest", maxMessages: 3 },
      { overflow: "drop-newest", maxMessages: 3 },
      {},
    ];
    for (const [i, options] of kinds.entries()) slow.send(2, i + 1, "a.>", ext1(options));
    slow.send(2, 20, "a.b");
    slow.send(2, 21, "a.c", ext1({ queue: "over" }));
    const publisher = world.connect();
    const balanced = (): void => {
      world.run();
      expect(check(world.core).problems).toEqual([]);
    };
    for (let i = 0; i < 200; i++) {
      const headers = { key: i % 5, ...(i % 7 === 0 && { delayMs: 50 }), ...(i % 11 === 0 && { ttlMs: 20 }) };
      publisher.send(i % 50 === 0 ? 18 : 1, `a.${"bcd"[i % 3]}`, Buffer.alloc(i * 20), ext1(headers));
      if (i % 10 === 0) balanced();
    }
    slow.send(3, 20);
    slow.send(3, 21);
    balanced();
    slow.takeSome(5000);
    balanced();
    world.advance(30);
    slow.send(11, 2, 1, 1, 0);
    slow.send(11, 2, 2, 2, 1, 40);
    slow.send(11, 3, 1, 1, 2);
    balanced();
    slow.isReading = true;
    slow.take();
    balanced();
    world.advance(60_000);
    balanced();
    slow.leave();
    balanced();
    expect(check(world.core).recounted.waiting).toBeGreaterThan(0); // in the queue that is kept
  });

  test("says where a queue's counter is wrong", () => {
    const world = busy();
    world.core.queues.get("jobs")!.outbox.counters.settled++;
    const { ok, problems } = check(world.core);
    expect(ok).toBe(false);
    expect(problems.join("\n")).toContain("queue jobs: accepted against the sum");
  });

  test("says where what waits is not what was counted", () => {
    const world = busy();
    const { outbox } = world.core.queues.get("jobs")!;
    outbox.messages++;
    outbox.counters.accepted++;
    expect(check(world.core).problems).toEqual([
      "queue jobs: waiting: the counter says 4, and counting anew 3",
      "the broker: waiting: the counter says 9, and counting anew 8",
    ]);
  });

  test("says where what members hold is not what was counted", () => {
    const world = busy();
    const { counters } = world.core.queues.get("jobs")!.outbox;
    counters.inFlight++;
    counters.accepted++;
    expect(check(world.core).problems).toEqual([
      "queue jobs: inFlight: the counter says 3, and counting anew 2",
      "the broker: inFlight: the counter says 3, and counting anew 2",
    ]);
  });

  test("says which client's counter is wrong", () => {
    const world = busy();
    const [worker] = world.core.peers;
    worker!.past.settled += 2;
    expect(check(world.core).problems).toEqual([
      `client ${worker!.number}: accepted against the sum of what became of it: the counter says 7, and counting anew 9`,
      "the broker: accepted against the sum of what became of it: the counter says 10, and counting anew 12",
    ]);
  });

  test("says where a chunk is held that nobody has", () => {
    const world = busy();
    const { heldBytes } = world.core.chunks;
    world.core.chunks.takeExactly(1000);
    const told = `the counter says ${heldBytes + 1000}, and counting anew ${heldBytes}`;
    expect(check(world.core).problems).toEqual([`the broker: heldBytes: ${told}`]);
  });

  test("tells so many problems and no more", () => {
    const world = busy();
    const subscriber = world.connect();
    for (let sid = 1; sid <= 100; sid++) subscriber.send(2, sid, "x.a");
    world.run();
    for (const outbox of world.core.allOutboxes()) outbox.counters.dead++;
    const { problems } = check(world.core);
    expect([problems.length, problems.at(-1)]).toEqual([51, "and more than these"]);
  });
});

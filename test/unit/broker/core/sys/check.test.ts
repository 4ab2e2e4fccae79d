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
    expect(check(world.core)).toEqual({ ok: true, problems: [], queues: 1, subscriptions: 1 });
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
    expect(check(world.core).problems).toEqual(["queue jobs: waiting: the counter says 4, and counting anew 3"]);
  });

  test("says where what members hold is not what was counted", () => {
    const world = busy();
    const { counters } = world.core.queues.get("jobs")!.outbox;
    counters.inFlight++;
    counters.accepted++;
    expect(check(world.core).problems).toEqual(["queue jobs: in flight: the counter says 3, and counting anew 2"]);
  });
});

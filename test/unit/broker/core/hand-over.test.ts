// A broker that is ending lets go of its disk for the next one, while it still delivers what is in memory: from then on nothing is
// confirmed that would have to be there.

import { expect, test } from "vitest";

import { handOver, needsDisk } from "../../../../broker/core/hand-over.ts";
import { type Element, ext1 } from "../../../support/msgpack.ts";
import { Op } from "../../../support/raw-client.ts";
import { type SimulatedClient, World } from "../../../support/simulated.ts";
import { SimulatedStore } from "../../../support/simulated-store.ts";

const DURABLE = { queue: "q", ack: true, durable: true, prefetch: 2, maxAttempts: 3 };

function settled(store: SimulatedStore, world: World): void {
  world.run();
  while (store.isWriting) {
    store.complete();
    world.run();
  }
}

/** What came, without the errors' messages. */
function coded(client: SimulatedClient): Element[][] {
  return client.read().map((elements) => elements.slice(0, 3));
}

test("what members hold is the next broker's, no attempt the poorer; what is settled or published later is not confirmed", () => {
  const store = new SimulatedStore();
  const world = new World({}, store);
  const worker = world.connect();
  const publisher = world.connect();
  const other = world.connect();
  worker.send(Op.SUB, 1, "t", ext1(DURABLE));
  other.send(Op.SUB, 1, "m", ext1({ queue: "memory", ack: true, prefetch: 1 }));
  for (const payload of ["a", "b", "c"]) publisher.send(Op.PUB, "t", payload);
  for (const payload of [1, 2]) publisher.send(Op.PUB, "m", payload);
  settled(store, world);
  worker.send(Op.ACK, 1, 1, 1, 0);
  settled(store, world);
  world.core.close();
  world.run();
  // What waits in the durable queue is handed out no more, though there is room for it; what is in memory is.
  worker.read();
  worker.send(Op.ACK, 1, 2, 2, 0);
  other.send(Op.ACK, 1, 1, 1, 0);
  settled(store, world);
  expect(worker.read()).toEqual([]);
  expect(other.read().filter(([op]) => op === Op.PUB)).toHaveLength(2);
  expect(needsDisk(world.core)).toBe(true);
  let isFree = false;
  handOver(world.core, () => {
    isFree = true;
  });
  settled(store, world);
  expect(isFree).toBe(true);
  expect(coded(worker)).toEqual([[Op.ERR, 1, "closing"]]);
  // It can't be told that this is on disk.
  worker.send(Op.ACK, 1, 3, 3, 0);
  worker.send(Op.SYNC, 7);
  publisher.send(Op.PUB, "t", "late");
  publisher.send(Op.SYNC, 8);
  other.send(Op.ACK, 1, 2, 2, 0);
  other.send(Op.SYNC, 9);
  settled(store, world);
  expect(coded(worker)).toEqual([[Op.ERR, 7, "closing"]]);
  expect(coded(publisher).at(-1)).toEqual([Op.ERR, 8, "closing"]);
  expect(other.read()).toEqual([[Op.OK, 9, 0]]);
  expect(world.core.isIdle).toBe(true);
  expect(world.imbalance).toBe(0);

  const next = new World({}, store.crash(false), world.now);
  const heir = next.connect();
  heir.send(Op.SUB, 1, "t", ext1(DURABLE));
  next.run();
  expect(heir.read()).toMatchObject([
    [Op.FOR, 1, 1],
    [Op.PUB, "t", "c"],
  ]);
});

test("members hold nothing more, and no attempt was lost by that", () => {
  const store = new SimulatedStore();
  const world = new World({}, store);
  const worker = world.connect();
  worker.send(Op.SUB, 1, "t", ext1({ ...DURABLE, maxAttempts: 1 }));
  worker.send(Op.PUB, "t", "a");
  settled(store, world);
  world.core.close();
  handOver(world.core, () => {});
  settled(store, world);
  worker.leave();
  world.run();
  const next = new World({}, store.crash(false), world.now);
  const heir = next.connect();
  heir.send(Op.SUB, 1, "t", ext1({ ...DURABLE, maxAttempts: 1 }));
  next.run();
  expect(heir.read().at(-1)).toEqual([Op.PUB, "t", "a"]);
});

test.each<[string, (worker: SimulatedClient) => void]>([
  ["is one still", () => {}],
  ["has left", (worker) => worker.send(Op.UNSUB, 1)],
  ["was cut off", (worker) => worker.write(Buffer.of(0xc1))],
])("what a member that does not acknowledge, and %s, has of a write under way is not delivered again", (_, part) => {
  const store = new SimulatedStore();
  const world = new World({}, store);
  const worker = world.connect();
  worker.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true }));
  settled(store, world);
  worker.read();
  worker.isReading = false;
  for (const payload of ["a", "b"]) worker.send(Op.PUB, "t", payload);
  settled(store, world);
  part(worker);
  settled(store, world);
  // FOR, the first message, and a byte of the second.
  worker.takeSome(3 + 5 + 1);
  expect(worker.read()).toEqual([
    [Op.FOR, 1],
    [Op.PUB, "t", "a"],
  ]);
  world.core.close();
  handOver(world.core, () => {});
  settled(store, world);
  const next = new World({}, store.crash(false), world.now);
  const heir = next.connect();
  heir.send(Op.SUB, 1, "t", ext1({ queue: "q", durable: true }));
  next.run();
  expect(heir.read().filter(([op]) => op === Op.PUB)).toEqual([[Op.PUB, "t", "b"]]);
});

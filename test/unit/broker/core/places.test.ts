// Whoever only connects keeps nobody out: places for connections when all are taken.

import { expect, test } from "vitest";

import { Op } from "../../../support/raw-client.ts";
import { World } from "../../../support/simulated.ts";

const code = (frames: readonly (readonly unknown[])[]): unknown => frames.find(([op]) => op === Op.ERR)?.[2];

test("where all places are taken, the oldest that has said no HELLO makes room", () => {
  const world = new World({ maxConnections: 3 });
  const open = world.connect();
  const [first, second] = [world.accept(), world.accept()];
  const newcomer = world.connect();
  expect([code(first.read()), first.hasEnded]).toEqual(["limit", true]);
  expect(second.hasEnded).toBe(false);
  newcomer.send(Op.PING);
  world.run();
  expect(newcomer.read()).toEqual([[Op.PONG]]);
  expect(open.hasEnded).toBe(false);
  expect(world.core.limited.maxConnections).toBe(1);
});

test("where all that are there have opened, one more is refused", () => {
  const world = new World({ maxConnections: 2 });
  const clients = [world.connect(), world.connect()];
  const refused = world.accept();
  expect(code(refused.read())).toBe("limit");
  for (const client of clients) expect(client.hasEnded).toBe(false);
});

test("those that are given time to read why they were refused do not pile up", () => {
  const world = new World({ maxConnections: 2 });
  world.connect();
  world.connect();
  for (let i = 0; i < 200; i++) world.accept();
  expect(world.core.peers.size).toBeLessThanOrEqual(2 + 32);
  world.advance(2000);
  expect(world.core.peers.size).toBe(2);
  expect(world.imbalance).toBe(0);
});

// What a burst leaves behind is given back once it is quiet, and not a moment before.

import { expect, test } from "vitest";

import { World } from "../../../support/simulated.ts";

const MIB = 1024 * 1024;
const CHUNK = 64 * 1024;

/** `bytes` are taken and given back, and a turn ends. */
function burst(world: World, bytes: number): void {
  const { core } = world;
  for (const chunk of Array.from({ length: bytes / CHUNK }, () => core.chunks.take(CHUNK))) chunk.release();
  core.flush();
}

test("chunks that were not needed for a second are let go of, and the collector is asked once", () => {
  const world = new World();
  burst(world, 16 * MIB);
  world.advance(900);
  expect([world.core.chunks.freeBytes, world.collections]).toEqual([16 * MIB, 0]);
  world.advance(1200);
  expect([world.core.chunks.freeBytes, world.collections]).toEqual([4 * MIB, 1]);
  expect(world.core.chunks.discardedBytes).toBe(0);
});

test("what is needed now and then stays, and nothing is asked for", () => {
  const world = new World();
  for (let i = 0; i < 50; i++) {
    burst(world, 16 * MIB);
    world.advance(300);
  }
  expect([world.core.chunks.freeBytes, world.collections]).toEqual([16 * MIB, 0]);
});

test("what is not worth a collection is let go of without one", () => {
  const world = new World();
  burst(world, 8 * MIB);
  world.advance(5000);
  expect([world.core.chunks.freeBytes, world.collections]).toEqual([4 * MIB, 0]);
});

test("a broker that has little free asks for no alarm", () => {
  const world = new World();
  burst(world, 4 * MIB);
  expect(world.core.deadlines.next()).toBe(Infinity);
  burst(world, 5 * MIB);
  expect(world.core.deadlines.next()).toBe(1000);
  world.advance(3000);
  expect(world.core.deadlines.next()).toBe(Infinity);
});

test("near the memory limit it does not wait for a quiet second", () => {
  const world = new World({ memoryLimit: 12 * MIB });
  burst(world, 16 * MIB);
  expect([world.core.chunks.freeBytes, world.collections]).toEqual([4 * MIB, 1]);
});

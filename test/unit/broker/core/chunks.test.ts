import { describe, expect, test } from "vitest";

import { ChunkPool } from "../../../../broker/core/chunks.ts";

const MIB = 1024 * 1024;

describe("chunks", () => {
  test("are counted once, whoever holds them, until nobody does", () => {
    const pool = new ChunkPool();
    const chunk = pool.take(100);
    expect([chunk.buf.length, chunk.shared, pool.heldBytes]).toEqual([100, false, 100]);
    chunk.retain();
    expect([chunk.shared, pool.heldBytes]).toEqual([true, 100]);
    chunk.release();
    expect([chunk.shared, pool.heldBytes]).toEqual([false, 100]);
    chunk.release();
    expect(pool.heldBytes).toBe(0);
  });

  test("may not be released more often than retained", () => {
    const chunk = new ChunkPool().take(100);
    chunk.release();
    expect(() => chunk.release()).toThrow(/more often/);
  });

  test("of the usual size are used again, owned once", () => {
    const pool = new ChunkPool();
    const first = pool.take(64 * 1024);
    first.retain();
    first.release();
    first.release();
    const again = pool.take(40_000);
    expect(again).toBe(first);
    expect([again.shared, again.buf.length, pool.heldBytes]).toEqual([false, 65_536, 65_536]);
    expect(pool.take(64 * 1024)).not.toBe(first);
  });

  test.each([1, 1000, 4096, 32_768, 1_048_577, 5_000_000])("of %i bytes have just that", (bytes) => {
    const pool = new ChunkPool();
    const chunk = pool.take(bytes);
    expect([chunk.buf.length, pool.heldBytes]).toEqual([bytes, bytes]);
    chunk.release();
    expect([pool.heldBytes, pool.freeBytes, pool.discardedBytes]).toEqual([0, 0, bytes]);
  });

  test.each([
    [32_769, 65_536],
    [65_536, 65_536],
    [65_537, 69_632],
    [131_072, 131_072],
    [131_073, 139_264],
    [262_144, 262_144],
    [266_240, 278_528],
    [1_048_575, 1_048_576],
  ])("for %i bytes have %i, and are used again for others of their class", (bytes, size) => {
    const pool = new ChunkPool();
    const chunk = pool.take(bytes);
    expect([chunk.buf.length, pool.heldBytes]).toEqual([size, size]);
    chunk.release();
    expect([pool.heldBytes, pool.freeBytes, pool.discardedBytes]).toEqual([0, size, 0]);
    expect(pool.take(size)).toBe(chunk);
    expect([pool.heldBytes, pool.freeBytes]).toEqual([size, 0]);
  });

  test("are never too small, nor more than a sixteenth too large, in each class", () => {
    const pool = new ChunkPool();
    for (let bytes = 65_537; bytes <= 1_048_576; bytes += 997) {
      const { length } = pool.take(bytes).buf;
      expect(length).toBeGreaterThanOrEqual(bytes);
      expect(length).toBeLessThan(bytes * (1 + 1 / 16) + 1);
    }
  });

  test("of an exact size are never larger", () => {
    const pool = new ChunkPool();
    pool.take(64 * 1024).release();
    expect(pool.takeExactly(40_000).buf.length).toBe(40_000);
  });

  test("that are free are bounded: a burst is not kept", () => {
    const pool = new ChunkPool();
    const many = Array.from({ length: 500 }, () => pool.take(64 * 1024));
    for (const chunk of many) chunk.release();
    expect(pool.freeBytes).toBe(16 * MIB);
    expect(pool.freeBytes + pool.discardedBytes).toBe(500 * 64 * 1024);
  });

  test("of a size that is not in use any longer make way", () => {
    const pool = new ChunkPool();
    for (const chunk of Array.from({ length: 500 }, () => pool.take(64 * 1024))) chunk.release();
    const large = pool.take(256 * 1024);
    large.release();
    expect([pool.freeBytes, pool.discardedBytes]).toEqual([256 * 1024, 500 * 64 * 1024]);
    expect(pool.take(256 * 1024)).toBe(large);
  });

  test("that nobody has needed for a while can be let go of, but for some", () => {
    const pool = new ChunkPool();
    for (const chunk of Array.from({ length: 160 }, () => pool.take(64 * 1024))) chunk.release();
    expect(pool.trim()).toBe(0); // they may have been needed until now
    // Three MiB of ten are needed meanwhile.
    for (const chunk of Array.from({ length: 48 }, () => pool.take(64 * 1024))) chunk.release();
    expect([pool.trim(), pool.freeBytes]).toEqual([6 * MIB, 4 * MIB]);
    expect([pool.trim(), pool.freeBytes]).toEqual([0, 4 * MIB]);
    expect([pool.heldBytes, pool.discardedBytes]).toEqual([0, 6 * MIB]);
  });

  test("that are in use all the time stay", () => {
    const pool = new ChunkPool();
    for (let i = 0; i < 5; i++) {
      for (const chunk of Array.from({ length: 160 }, () => pool.take(64 * 1024))) chunk.release();
      expect(pool.trim()).toBe(0);
    }
    pool.trimAll();
    expect(pool.freeBytes).toBe(4 * MIB);
  });
});

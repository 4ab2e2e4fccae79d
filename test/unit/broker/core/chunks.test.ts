import { describe, expect, test } from "vitest";

import { ChunkPool } from "../../../../broker/core/chunks.ts";

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

  test.each([1, 1000, 4096, 32_768, 65_537, 1_000_000])("of %i bytes have just that", (bytes) => {
    const pool = new ChunkPool();
    const chunk = pool.take(bytes);
    expect([chunk.buf.length, pool.heldBytes]).toEqual([bytes, bytes]);
    chunk.release();
    expect(pool.heldBytes).toBe(0);
  });

  test("of an exact size are never larger", () => {
    const pool = new ChunkPool();
    pool.take(64 * 1024).release();
    expect(pool.takeExactly(40_000).buf.length).toBe(40_000);
  });

  test("that are free are bounded: a burst is not kept", () => {
    const pool = new ChunkPool();
    const many = Array.from({ length: 500 }, () => pool.take(64 * 1024));
    const known = new Set(many);
    for (const chunk of many) chunk.release();
    expect(pool.heldBytes).toBe(0);
    const again = Array.from({ length: 500 }, () => pool.take(64 * 1024));
    expect(again.filter((chunk) => known.has(chunk)).length).toBeLessThan(100);
  });
});

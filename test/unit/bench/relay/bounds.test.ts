import { describe, expect, test } from "vitest";

import { RecordBounds } from "../../../../bench/relay/bounds.ts";

function record(bytes: number): Buffer {
  const framed = Buffer.alloc(4 + bytes, 0xee);
  framed.writeUInt32LE(bytes);
  return framed;
}

describe("bounds of records", () => {
  test("whole records leave nothing to the next chunk", () => {
    const bounds = new RecordBounds();
    expect(bounds.take(Buffer.concat([record(3), record(0), record(700)]))).toBe(0);
    expect(bounds.take(record(5))).toBe(0);
  });

  test("a long record covers many chunks", () => {
    const bounds = new RecordBounds();
    const long = record(1000);
    expect(bounds.take(long.subarray(0, 400))).toBe(0);
    expect(bounds.take(long.subarray(400, 800))).toBe(400);
    expect(bounds.take(Buffer.concat([long.subarray(800), record(9)]))).toBe(204);
  });

  test("cut anywhere, each part goes on where the one before it began", () => {
    const sizes = [3, 0, 260, 1];
    const stream = Buffer.concat(sizes.map(record));
    const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + 4 + size, 0));
    for (let cut = 1; cut < stream.length; cut++) {
      for (let next = cut; next < stream.length; next++) {
        const bounds = new RecordBounds();
        expect(bounds.take(stream.subarray(0, cut))).toBe(0);
        const first = ends.find((end) => end >= cut)! - cut;
        expect(bounds.take(stream.subarray(cut, next))).toBe(Math.min(first, next - cut));
        const second = ends.find((end) => end >= next)! - next;
        expect(bounds.take(stream.subarray(next))).toBe(second);
      }
    }
  });
});

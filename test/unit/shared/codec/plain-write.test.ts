import * as fc from "fast-check";
import { Unpackr } from "msgpackr/pack";
import { describe, expect, test } from "vitest";

import { readPlain } from "../../../../shared/codec/plain-read.ts";
import { writePlain } from "../../../../shared/codec/plain-write.ts";
import { FrameWriter } from "../../../../shared/codec/write.ts";
import { structure } from "./arbitraries.ts";

function written(value: unknown): Buffer | undefined {
  const writer = new FrameWriter();
  return writePlain(writer, value) ? Buffer.from(writer.bytes()) : undefined;
}

describe("plain values", () => {
  test("are read by msgpackr, and by our own reader, as they were", () => {
    const other = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "auto" });
    fc.assert(
      fc.property(structure, (value) => {
        const bytes = written(value)!;
        expect(other.unpack(bytes)).toEqual(value);
        expect(readPlain(bytes, 0, bytes.length)).toEqual(value);
      }),
    );
  });

  test.each([
    [{ a: 1 }, "81a16101"],
    [[true, null, undefined], "93c3c0c0"],
    [{ a: Uint8Array.of(1, 2) }, "81a161c4020102"],
    [[2 ** 32], "91cf0000000100000000"],
    [{ a: 0.5 }, "81a161cb3fe0000000000000"],
  ])("%j", (value, hex) => {
    expect(written(value)?.toString("hex")).toBe(hex);
  });

  test.each([
    ["a map", { a: new Map() }],
    ["a bigint", [1n]],
    ["a function", { a: () => {} }],
    ["an instance", [new URL("file:///a")]],
  ])("%s is left to the other writer", (_what, value) => {
    expect(written(value)).toBeUndefined();
  });

  test.each([
    [0, "d6ff00000000"],
    [1000, "d6ff00000001"],
    [1500, "d7ff7735940000000001"],
    [(2 ** 32 - 1) * 1000, "d6ffffffffff"],
    [2 ** 32 * 1000, "d7ff0000000100000000"],
    [2 ** 34 * 1000, "c70cff000000000000000400000000"],
    [-1, "c70cff3b8b87c0ffffffffffffffff"],
    [8.64e15, "c70cff00000000000007dba8218000"],
    [-8.64e15, "c70cff00000000fffff82457de8000"],
  ])("the date %i is a timestamp of the shortest form that holds it", (ms, hex) => {
    expect(written(new Date(ms))!.toString("hex")).toBe(hex);
    const bytes = Buffer.from(hex, "hex");
    expect(readPlain(bytes, 0, bytes.length)).toEqual(new Date(ms));
    const other = new Unpackr({ useRecords: false });
    expect(other.unpack(bytes)).toEqual(new Date(ms));
  });

  test("a date that is none is refused: nobody could read it", () => {
    expect(() => written({ at: new Date(Number.NaN) })).toThrow(/invalid date/);
  });

  test("what holds itself is left to the other writer, which says so", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(written(loop)).toBeUndefined();
  });

  test("a count of more than 15 and of more than 65,535 elements", () => {
    for (const count of [15, 16, 65_535, 65_536]) {
      const value = Array.from({ length: count }, (_, i) => i & 1);
      const bytes = written(value)!;
      expect(readPlain(bytes, 0, bytes.length)).toEqual(value);
    }
  });
});

test.each([0, 1, 2, 3, 4, 8, 16, 17, 255, 256, 65_535, 65_536])(
  "an ext of %i bytes has the header of its length",
  (bytes) => {
    const body = Buffer.alloc(bytes, 7);
    const known = new FrameWriter().nil().ext(1, body).take();
    const writer = new FrameWriter().nil();
    const start = writer.beginExt();
    writer.raw(body);
    expect(writer.endExt(start, 1).take()).toEqual(known);
  },
);

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Frame, Scan, scanFrame } from "../../../../shared/codec/scan.ts";
import { anyFrame, makeFrame, scalar } from "./arbitraries.ts";

const NO_LIMIT = Number.POSITIVE_INFINITY;

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

function scan(buf: Buffer, start = 0, limit = buf.length, maxBytes = NO_LIMIT): { result: Scan; frame: Frame } {
  const frame = new Frame();
  return { result: scanFrame(buf, start, limit, maxBytes, frame), frame };
}

describe("a whole frame", () => {
  test.each([
    ["91 0f", 15, [1]],
    ["93 01 a1 61 c0", 1, [1, 2, 4]],
    ["94 01 a3 61 2e 62 c4 02 00 ff d6 01 81 a1 6b 01", 1, [1, 2, 6, 10]],
    ["dc 00 02 cc 0f c2", 15, [3, 5]],
    ["dd 00 00 00 01 cd 00 12", 18, [5]],
    ["92 ce 00 00 00 04 cf 00 00 00 00 00 00 00 01", 4, [1, 6]],
    ["91 d3 00 00 00 00 00 00 00 07", 7, [1]],
    ["91 7f", 127, [1]],
  ])("%s has op %i", (hex, op, at) => {
    const buf = bytes(hex);
    const { result, frame } = scan(buf);
    expect(result).toBe(Scan.FRAME);
    expect([frame.op, frame.start, frame.end, frame.count]).toEqual([op, 0, buf.length, at.length]);
    expect([...frame.at.subarray(0, at.length + 1)]).toEqual([...at, buf.length]);
  });

  test.each([
    "91 ff",
    "91 cc 80",
    "91 cd 01 00",
    "91 cf 00 00 00 01 00 00 00 01",
    "91 c0",
    "91 c3",
    "91 a1 31",
    "91 ca 3f 80 00 00",
    "91 c4 01 01",
    "91 d4 01 01",
  ])("%s has no op", (hex) => {
    const { result, frame } = scan(bytes(hex));
    expect([result, frame.op]).toEqual([Scan.FRAME, -1]);
  });

  test("has 64 elements at the most", () => {
    const nils = (count: number): Buffer => Buffer.concat([Buffer.of(0xdc, 0, count), Buffer.alloc(count, 0xc0)]);
    expect(scan(nils(64)).result).toBe(Scan.FRAME);
    expect(scan(nils(64)).frame.count).toBe(64);
    expect(scan(nils(65)).result).toBe(Scan.BAD);
  });
});

describe("what is no frame", () => {
  test.each([
    "90",
    "dc 00 00",
    "dd 00 00 00 00",
    "80",
    "81 01 01",
    "c1",
    "c0",
    "01",
    "a1 61",
    "c4 01",
    "92 01 c1",
    "92 01 90",
    "92 01 91 01",
    "92 01 80",
    "92 01 dc",
    "92 01 dd",
    "92 01 de",
    "92 01 df",
    "dc 00 41",
    "dd 00 01 00 00",
    "dd ff ff ff ff",
  ])("%s is told at once", (hex) => {
    expect(scan(bytes(hex)).result).toBe(Scan.BAD);
  });

  test("a nested array is told from its first byte, however deep it goes", () => {
    expect(scan(Buffer.alloc(1_000_000, 0x91)).result).toBe(Scan.BAD);
  });
});

describe("too large", () => {
  test("is told from the headers, before the body is there", () => {
    expect(scan(bytes("93 01 a1 61 c6 00 01 00 00"), 0, 9, 65_545).result).toBe(Scan.MORE);
    expect(scan(bytes("93 01 a1 61 c6 00 01 00 00"), 0, 9, 65_544).result).toBe(Scan.TOO_LARGE);
  });

  test("counts the elements that must still come, a byte each", () => {
    expect(scan(bytes("93 01"), 0, 2, 3).result).toBe(Scan.TOO_LARGE);
    expect(scan(bytes("93 01"), 0, 2, 4).result).toBe(Scan.MORE);
  });

  test("is a whole frame's fault as well", () => {
    const buf = bytes("93 01 a1 61 c0");
    expect(scan(buf, 0, 5, 4).result).toBe(Scan.TOO_LARGE);
    expect(scan(buf, 0, 5, 5).result).toBe(Scan.FRAME);
  });

  test("four gibibytes are no negative number", () => {
    expect(scan(bytes("92 01 c6 ff ff ff ff"), 0, 7, 16 * 1024 * 1024).result).toBe(Scan.TOO_LARGE);
    expect(scan(bytes("92 01 c6 ff ff ff ff"), 0, 7).frame.need).toBe(0x1_0000_0000 + 6);
  });
});

describe("properties", () => {
  test("any frame is found, wherever it stands, with each element where it begins", () => {
    fc.assert(
      fc.property(anyFrame, fc.nat({ max: 9 }), fc.nat({ max: 9 }), (any, before, behind) => {
        const buf = Buffer.concat([Buffer.alloc(before, 0xc1), any.bytes, Buffer.alloc(behind, 0xc1)]);
        const { result, frame } = scan(buf, before);
        expect(result).toBe(Scan.FRAME);
        expect(frame.end).toBe(before + any.bytes.length);
        expect([...frame.at.subarray(0, frame.count)]).toEqual(any.at.map((offset) => before + offset));
      }),
    );
  });

  test("cut anywhere it needs more: never fewer bytes than there are, never more than it has", () => {
    fc.assert(
      fc.property(anyFrame, ({ bytes: whole }) => {
        for (let limit = 0; limit < whole.length; limit++) {
          const { result, frame } = scan(whole, 0, limit, whole.length);
          expect(result).toBe(Scan.MORE);
          expect(frame.need).toBeGreaterThan(limit);
          expect(frame.need).toBeLessThanOrEqual(whole.length);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("a nested value or 0xc1 in any place is bad, however much of the frame is there", () => {
    const nested = fc.constantFrom(0x80, 0x8f, 0x90, 0x9f, 0xc1, 0xdc, 0xdd, 0xde, 0xdf);
    fc.assert(
      fc.property(
        fc.array(scalar, { maxLength: 8 }),
        fc.array(scalar, { maxLength: 8 }),
        nested,
        (first, last, byte) => {
          const { bytes: whole, at } = makeFrame([...first, { bytes: Buffer.of(byte), value: undefined }, ...last], 0);
          const bad = at[first.length]!;
          for (let limit = bad + 1; limit <= whole.length; limit++) expect(scan(whole, 0, limit).result).toBe(Scan.BAD);
          expect(scan(whole, 0, bad).result).toBe(Scan.MORE);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("any bytes at all have a result, and what it says lies within them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        const buf = Buffer.from(any);
        const { result, frame } = scan(buf);
        if (result === Scan.FRAME) expect(frame.end).toBeLessThanOrEqual(buf.length);
        if (result === Scan.MORE) expect(frame.need).toBeGreaterThan(buf.length);
      }),
      { numRuns: 500 },
    );
  });
});

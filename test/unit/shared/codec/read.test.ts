import * as fc from "fast-check";
import { pack } from "msgpackr/pack";
import { describe, expect, test } from "vitest";

import { binStart, decodeText, extStart, isNil, readInt, readStr, strStart } from "../../../../shared/codec/read.ts";
import { plainScalar } from "./arbitraries.ts";

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

describe("integers", () => {
  test.each<[string, number]>([
    ["00", 0],
    ["7f", 127],
    ["e0", -32],
    ["ff", -1],
    ["cc ff", 255],
    ["cd 01 00", 256],
    ["cd ff ff", 65_535],
    ["ce ff ff ff ff", 4_294_967_295],
    ["cf 00 00 00 01 00 00 00 00", 4_294_967_296],
    ["cf 00 1f ff ff ff ff ff ff", Number.MAX_SAFE_INTEGER],
    ["d0 80", -128],
    ["d0 7f", 127],
    ["d1 80 00", -32_768],
    ["d2 80 00 00 00", -2_147_483_648],
    ["d3 ff ff ff ff ff ff ff ff", -1],
    ["d3 ff e0 00 00 00 00 00 01", Number.MIN_SAFE_INTEGER],
    ["cf ff ff ff ff ff ff ff ff", 2 ** 64],
  ])("%s is %i", (hex, value) => {
    expect(readInt(bytes(hex), 0)).toBe(value);
  });

  test.each([
    "c0",
    "c2",
    "c3",
    "ca 3f 80 00 00",
    "cb 3f f0 00 00 00 00 00 00",
    "a1 31",
    "c4 01 31",
    "d4 01 01",
    "c7 00 01",
    "91",
    "81",
    "c1",
  ])("%s is none", (hex) => {
    expect(readInt(bytes(hex), 0)).toBeNaN();
  });

  test("what msgpackr writes is read, and what is no integer is NaN", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const packed = pack(Math.abs(value) < 2 ** 32 ? value : BigInt(value));
        expect(readInt(packed, 0)).toBe(value);
      }),
    );
    fc.assert(
      fc.property(plainScalar, ({ bytes: encoded, value }) => {
        const isInt =
          typeof value === "bigint" || (Number.isInteger(value) && encoded[0] !== 0xca && encoded[0] !== 0xcb);
        if (isInt) expect(readInt(encoded, 0)).toBe(Number(value));
        else expect(readInt(encoded, 0)).toBeNaN();
      }),
    );
  });
});

describe("texts", () => {
  test.each<[string, number]>([
    ["a2 68 69", 1],
    ["d9 02 68 69", 2],
    ["da 00 02 68 69", 3],
    ["db 00 00 00 02 68 69", 5],
  ])("%s begins at %i", (hex, start) => {
    const buf = bytes(hex);
    expect(strStart(buf, 0)).toBe(start);
    expect(readStr(buf, 0, buf.length)).toBe("hi");
  });

  test.each(["c4 02 68 69", "01", "c0", "c7 02 01 68 69"])("%s is none", (hex) => {
    const buf = bytes(hex);
    expect(strStart(buf, 0)).toBe(-1);
    expect(readStr(buf, 0, buf.length)).toBeUndefined();
  });

  test.each(["ff", "61 ff", "c0 af", "ed a0 80", "f4 90 80 80", "e2 82", "80"])("%s is no UTF-8", (hex) => {
    const buf = bytes(hex);
    expect(decodeText(buf, 0, buf.length)).toBeUndefined();
  });

  test("a byte order mark is a character like any other", () => {
    expect(decodeText(bytes("ef bb bf 61"), 0, 4)).toBe("\ufeffa");
  });
});

describe("bodies", () => {
  test.each<[string, number]>([
    ["c4 01 07", 2],
    ["c5 00 01 07", 3],
    ["c6 00 00 00 01 07", 5],
    ["a1 07", -1],
    ["c0", -1],
  ])("the bin %s begins at %i", (hex, start) => {
    expect(binStart(bytes(hex), 0)).toBe(start);
  });

  test.each<[string, number]>([
    ["d4 01 07", 2],
    ["d5 01 07 07", 2],
    ["d8 01 07", 2],
    ["c7 01 01 07", 3],
    ["c8 00 01 01 07", 4],
    ["c9 00 00 00 01 01 07", 6],
    ["d4 02 07", -1],
    ["c7 01 ff 07", -1],
    ["c4 01 01", -1],
    ["c0", -1],
  ])("the ext of type 1 %s begins at %i", (hex, start) => {
    expect(extStart(bytes(hex), 0, 1)).toBe(start);
  });

  test("nil is nil, and nothing else is", () => {
    expect(isNil(bytes("c0"), 0)).toBe(true);
    for (let byte = 0; byte < 256; byte++) if (byte !== 0xc0) expect(isNil(Buffer.of(byte), 0)).toBe(false);
  });
});

import * as fc from "fast-check";
import { Packr } from "msgpackr/pack";
import { describe, expect, test } from "vitest";

import { MAX_DEPTH, readPlain, Unreadable } from "../../../../shared/codec/plain-read.ts";
import { structure } from "./arbitraries.ts";

/** Why it can't be read, or undefined where it can. */
function valueProblem(buf: Buffer, start: number, end: number): string | undefined {
  try {
    readPlain(buf, start, end);
    return undefined;
  } catch (error) {
    if (error instanceof Unreadable) return error.message;
    throw error;
  }
}

function problem(hex: string): string | undefined {
  const buf = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return valueProblem(buf, 0, buf.length);
}

describe("safe", () => {
  test.each([
    "c0",
    "c2",
    "7f",
    "ff",
    "a1 61",
    "c4 00",
    "ca 00 00 00 00",
    "cf 00 00 00 00 00 00 00 00",
    "90",
    "80",
    "91 c0",
    "81 a1 6b 01",
    "dc 00 01 c0",
    "dd 00 00 00 01 c0",
    "de 00 01 a1 6b c0",
    "df 00 00 00 01 a1 6b c0",
    "92 91 90 80",
    "81 01 02",
    "81 c0 c0",
    "d6 ff 00 00 00 01",
    "d7 ff 00 00 00 00 00 00 00 01",
    "c7 0c ff 00 00 00 00 00 00 00 00 00 00 00 01",
  ])("%s", (hex) => {
    expect(problem(hex)).toBeUndefined();
  });
});

describe("not safe", () => {
  test.each<[string, string, RegExp]>([
    ["nothing", "", /ends within/],
    ["0xc1", "c1", /0xc1/],
    ["0xc1 inside", "92 01 c1", /0xc1/],
    ["two values", "01 02", /more bytes/],
    ["a byte behind a map", "80 00", /more bytes/],
    ["a str cut", "a2 61", /ends within/],
    ["a str 32 cut in its length", "db 00 00", /ends within/],
    ["a bin beyond the end", "c6 ff ff ff ff 00", /ends within/],
    ["an array cut", "92 01", /ends within/],
    ["an array 32 of four thousand million", "dd ff ff ff ff", /ends within/],
    ["a map 32 of as many", "df ff ff ff ff 01", /ends within/],
    ["an array 16 cut in its length", "dc 00", /ends within/],
    ["a map without its last value", "82 a1 61 01 a1 62", /ends within/],
    ["a record of msgpackr's", "d4 72 40", /extension/],
    ["that, with a body", "d5 72 40 40", /extension/],
    ["that, as ext 8", "c7 02 72 40 00", /extension/],
    ["that, as ext 16", "c8 00 02 72 40 00", /extension/],
    ["that, as ext 32", "c9 00 00 00 02 72 40 00", /extension/],
    ["that, inside", "81 a1 6b d4 72 40", /extension/],
    ["another extension", "d4 01 00", /extension/],
    ["a timestamp of a wrong length", "d5 ff 00 00", /extension/],
    ["the same, of 3 bytes", "c7 03 ff 00 00 00", /extension/],
  ])("%s", (_what, hex, says) => {
    expect(problem(hex)).toMatch(says);
  });

  test(`deeper than ${MAX_DEPTH}`, () => {
    const nested = (depth: number): string => "91".repeat(depth) + "c0";
    expect(problem(nested(MAX_DEPTH))).toBeUndefined();
    expect(problem(nested(MAX_DEPTH + 1))).toMatch(/deeper/);
    expect(problem("81 a1 6b".repeat(MAX_DEPTH) + "c0")).toBeUndefined();
    expect(problem("81 a1 6b".repeat(MAX_DEPTH + 1) + "c0")).toMatch(/deeper/);
    expect(problem("91".repeat(200_000))).toMatch(/deeper/);
  });
});

describe("properties", () => {
  const packr = new Packr({ useRecords: false, variableMapSize: true });

  test("what msgpackr writes of portable types is safe, and no part of it is", () => {
    fc.assert(
      fc.property(structure, (value) => {
        const packed = packr.pack(value);
        expect(valueProblem(packed, 0, packed.length)).toBeUndefined();
        for (let end = 0; end < packed.length; end++) expect(valueProblem(packed, 0, end)).toBeDefined();
        const padded = Buffer.concat([Buffer.of(0xc1), packed, Buffer.of(0xc1)]);
        expect(valueProblem(padded, 1, 1 + packed.length)).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  test("what it lets pass, msgpackr decodes; no bytes crash it", () => {
    const unpackr = new Packr({ useRecords: false, int64AsType: "auto" });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (any) => {
        const buf = Buffer.from(any);
        if (valueProblem(buf, 0, buf.length) === undefined) unpackr.unpack(buf);
      }),
      { numRuns: 3000 },
    );
  });
});

import * as fc from "fast-check";
import { Packr } from "msgpackr/pack";
import { expect, test } from "vitest";

import { eachEntry, valueEnd } from "../../../../shared/codec/map.ts";
import { structure } from "./arbitraries.ts";

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

/** Key and value of each entry, as hex; undefined where it is no map. */
function entries(hex: string): string[][] | undefined {
  const buf = bytes(hex);
  const found: string[][] = [];
  const isMap = eachEntry(buf, 0, buf.length, (keyAt, valueAt, end) => {
    found.push([buf.toString("hex", keyAt, valueAt), buf.toString("hex", valueAt, end)]);
  });
  return isMap ? found : undefined;
}

test.each<[string, string[][]]>([
  ["d4 01 80", []],
  ["c701 01 80", []],
  ["c703 01 de0000", []],
  ["c705 01 df00000000", []],
  ["d6 01 81 a161 01", [["a161", "01"]]],
  ["c706 01 de0001 a161 c0", [["a161", "c0"]]],
  // An array that holds an extension, and a key that is no text.
  ["c70b 01 82 a161 92 01 d40500 05 a162", [["a161", "9201d40500"], ["05", "a162"]]], // prettier-ignore
])("the entries of %s", (hex, found) => {
  expect(entries(hex)).toEqual(found);
});

test.each([
  ["of another type", "d4 02 80"],
  ["no extension", "81 a161 01"],
  ["empty", "c700 01"],
  ["an array", "d4 01 90"],
  ["a map and more", "d5 01 80 00"],
  ["two maps", "d5 01 80 80"],
  ["a value is missing", "c703 01 81 a161"],
  ["a count is cut off", "d5 01 de 00"],
  ["more entries than there are bytes", "c705 01 df ffffffff"],
  ["a byte that msgpack does not use", "d6 01 81 a161 c1"],
  ["a text that goes on behind the end", "d6 01 81 a161 a5"],
])("no map: %s", (_what, hex) => {
  expect(entries(hex)).toBeUndefined();
});

test("a value ends where it ends, and a part of it nowhere", () => {
  fc.assert(
    fc.property(structure, (value) => {
      const packed = packr.pack(value);
      expect(valueEnd(packed, 0, packed.length)).toBe(packed.length);
      for (let end = 0; end < packed.length; end++) expect(valueEnd(packed, 0, end)).toBe(-1);
    }),
  );
});

test("nesting costs no stack", () => {
  const deep = Buffer.concat([Buffer.alloc(1_000_000, 0x91), Buffer.of(0xc0)]);
  expect(valueEnd(deep, 0, deep.length)).toBe(deep.length);
});

import * as fc from "fast-check";
import { Packr } from "msgpackr/pack";
import { describe, expect, test } from "vitest";

import { writeOther } from "../../../../shared/codec/other-write.ts";
import { MAX_DEPTH, readPlain } from "../../../../shared/codec/plain-read.ts";
import { FrameWriter } from "../../../../shared/codec/write.ts";
import { structure } from "./arbitraries.ts";

function written(value: unknown): Buffer {
  const writer = new FrameWriter();
  writeOther(writer, value);
  return writer.take();
}

function back(value: unknown): unknown {
  const bytes = written(value);
  return readPlain(bytes, 0, bytes.length);
}

class Point {
  x = 1;
  #secret = 2;
  get sum(): number {
    return this.x + this.#secret;
  }
}

const cause = { bytes: Float64Array.of(1) };

test.each<[string, unknown, unknown]>([
  ["a map", new Map<unknown, unknown>([["a", new Map([[1, 2]])]]), { a: { 1: 2 } }],
  ["a set", new Set([1, new Set(["a"])]), [1, ["a"]]],
  ["bigints", [1n, -(2n ** 63n), 2n ** 64n - 1n], [1, -(2n ** 63n), 2n ** 64n - 1n]],
  ["an instance", { point: new Point() }, { point: { x: 1 } }],
  ["what has a toJSON", [new URL("http://a/b"), { hidden: 1, toJSON: () => new Map([["shown", 1n]]) }], ["http://a/b", { shown: 1 }]], // prettier-ignore
  ["no prototype", new Map([["a", Object.assign(Object.create(null) as object, { b: 1 })]]), { a: { b: 1 } }],
  ["an error", [new TypeError("no", { cause })], [["TypeError", "no", { bytes: Buffer.from(cause.bytes.buffer) }]]],
  ["a pattern", [/a/g], [["a", "g"]]],
  ["functions and holes", new Set([() => {}, [1, , 3]]), [null, [1, null, 3]]], // eslint-disable-line no-sparse-arrays
  ["a date", new Map([["at", new Date(1500)]]), { at: new Date(1500) }],
])("%s", (_what, value, read) => {
  expect(back(value)).toEqual(read);
});

describe("bytes of every kind, wherever they stand, are the bytes that they are", () => {
  const all = Buffer.from("0102030405060708090a0b0c0d0e0f101112131415161718", "hex");
  const memory = new Uint8Array(all).buffer;
  const views = [
    new Uint8Array(memory, 8, 8),
    new Int8Array(memory, 8, 8),
    new Uint16Array(memory, 8, 4),
    new Float32Array(memory, 8, 2),
    new Float64Array(memory, 8, 1),
    new BigInt64Array(memory, 8, 1),
    new DataView(memory, 8, 8),
  ];
  test.each(views.map((view) => [view.constructor.name, view] as const))("%s", (_name, view) => {
    const bytes = all.subarray(8, 16);
    for (const value of [{ v: view }, new Map([["v", view]]), Object.assign(new Point(), { v: view })])
      expect(back(value)).toMatchObject({ v: bytes });
    expect(back([memory])).toEqual([all]);
  });
});

test.each<[string, unknown, RegExp]>([
  ["a symbol", { a: Symbol("s") }, /symbol/],
  ["a bigint of 65 bits", [2n ** 64n], /it holds a bigint of more than 64 bits/],
  ["an invalid date", new Map([["a", new Date(NaN)]]), /invalid date/],
  ["a key that is an object", new Map([[{}, 1]]), /key that is no scalar/],
])("%s is refused: nobody could read it", (_what, value, message) => {
  expect(() => written(value)).toThrow(message);
});

describe("nesting", () => {
  const nested = (depth: number, wrap: (inner: unknown) => unknown): unknown => {
    let value: unknown = 1;
    for (let i = 0; i < depth; i++) value = wrap(value);
    return value;
  };
  test.each<[string, (inner: unknown) => unknown]>([
    ["arrays", (inner) => [inner]],
    ["instances", (next) => Object.assign(new Point(), { next })],
    ["maps", (inner) => new Map([["a", inner]])],
  ])("%s as deep as they are read, and no deeper", (_what, wrap) => {
    expect(() => back(nested(MAX_DEPTH, wrap))).not.toThrow();
    expect(() => written(nested(MAX_DEPTH + 1, wrap))).toThrow(/it holds itself, or is nested deeper than 128/);
  });

  test("what holds itself, also by its toJSON", () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    expect(() => written(loop)).toThrow(/holds itself/);
    const endless = { toJSON: () => endless };
    expect(() => written(endless)).toThrow(/holds itself/);
  });
});

test("plain structures are written as msgpackr does", () => {
  const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
  fc.assert(
    fc.property(structure, (value) => {
      const bytes = packr.pack(value);
      expect(back(value)).toEqual(readPlain(bytes, 0, bytes.length));
    }),
  );
});

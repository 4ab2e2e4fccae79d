import * as fc from "fast-check";
import { Packr, unpack } from "msgpackr/pack";
import { describe, expect, test } from "vitest";

import { FrameWriter } from "../../../../shared/codec/write.ts";

function hex(write: (writer: FrameWriter) => void, capacity = 0): string {
  const writer = new FrameWriter(capacity);
  write(writer);
  return writer.bytes().toString("hex");
}

describe("literal bytes", () => {
  test.each<[string, (writer: FrameWriter) => void]>([
    ["930101c0", (writer) => writer.frame(3, 1).int(1).nil()],
    ["dc001002", (writer) => writer.frame(16, 2)],
    ["dc004002", (writer) => writer.frame(64, 2)],
    ["c3c2", (writer) => writer.bool(true).bool(false)],
    [
      "007fcc80ccffcd0100cdffffce00010000ceffffffff",
      (writer) => [0, 127, 128, 255, 256, 65_535, 65_536, 0xffff_ffff].map((n) => writer.int(n)),
    ],
    ["cf0000000100000000cf001fffffffffffff", (writer) => writer.int(2 ** 32).int(Number.MAX_SAFE_INTEGER)],
    [
      "ffe0d0dfd080d1ff7fd18000d2ffff7fff",
      (writer) => [-1, -32, -33, -128, -129, -32_768, -32_769].map((n) => writer.int(n)),
    ],
    ["d280000000d3ffffffff7fffffff", (writer) => writer.int(-(2 ** 31)).int(-(2 ** 31) - 1)],
    ["d3ffe0000000000001", (writer) => writer.int(Number.MIN_SAFE_INTEGER)],
    ["cb3ff8000000000000", (writer) => writer.float(1.5)],
    ["cb8000000000000000", (writer) => writer.float(-0)],
    ["cfffffffffffffffff", (writer) => writer.bigint(2n ** 64n - 1n)],
    ["d38000000000000000", (writer) => writer.bigint(-(2n ** 63n))],
    ["a0a161a2c3a9", (writer) => writer.str("").str("a").str("é")],
    ["c400c40107", (writer) => writer.bin(Buffer.alloc(0)).bin(Buffer.of(7))],
    [
      "d40107d5010707c703010707 07c70001".replaceAll(" ", ""),
      (writer) => [1, 2, 3, 0].map((n) => writer.ext(1, Buffer.alloc(n, 7))),
    ],
    ["d60107070707d7010707070707070707", (writer) => [4, 8].map((n) => writer.ext(1, Buffer.alloc(n, 7)))],
    ["c1", (writer) => writer.raw(Buffer.of(0xc1))],
  ])("%s", (expected, write) => {
    expect(hex(write)).toBe(expected);
    expect(hex(write, 4096)).toBe(expected);
  });

  test.each([
    [31, "bf"],
    [32, "d920"],
    [255, "d9ff"],
    [256, "da0100"],
    [65_535, "daffff"],
    [65_536, "db00010000"],
  ])("a str of %i bytes begins with %s", (length, header) => {
    const text = "x".repeat(length);
    expect(hex((writer) => writer.str(text))).toBe(header + Buffer.from(text).toString("hex"));
    // One character of two bytes, at the end: the length is that of the bytes.
    const wide = `${"x".repeat(length - 2)}é`;
    expect(hex((writer) => writer.str(wide))).toBe(header + Buffer.from(wide).toString("hex"));
  });

  test.each([
    [255, "c4ff", "c7ff01"],
    [256, "c50100", "c8010001"],
    [65_535, "c5ffff", "c8ffff01"],
    [65_536, "c600010000", "c90001000001"],
  ])("a bin, and an ext, of %i bytes", (length, bin, ext) => {
    const body = Buffer.alloc(length, 7);
    expect(hex((writer) => writer.bin(body))).toBe(bin + body.toString("hex"));
    expect(hex((writer) => writer.ext(1, body))).toBe(ext + body.toString("hex"));
  });
});

describe("against msgpackr", () => {
  const packr = new Packr({ useRecords: false, int64AsType: "auto" });

  test("what is written is what it decodes", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(Number(packr.unpack(new FrameWriter().int(value).bytes()))).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 300, size: "max" }), (value) => {
        expect(unpack(new FrameWriter().str(value).bytes())).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (value) => {
        expect(BigInt(packr.unpack(new FrameWriter().bigint(value).bytes()) as number)).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(unpack(new FrameWriter().float(value).bytes())).toBe(value);
      }),
    );
  });

  test("a lone surrogate is written as three bytes, never as fewer than its header says", () => {
    const written = new FrameWriter().str("a\ud800b").bytes();
    expect(written.length).toBe(1 + (written[0]! & 0x1f));
  });
});

describe("the buffer", () => {
  test("grows as needed, from nothing, and keeps what was written", () => {
    const writer = new FrameWriter();
    const parts: Buffer[] = [];
    for (let i = 0; i < 200; i++) {
      writer.bin(Buffer.alloc(i * 3, i));
      parts.push(new FrameWriter().bin(Buffer.alloc(i * 3, i)).take());
    }
    expect(writer.bytes().equals(Buffer.concat(parts))).toBe(true);
  });

  test("reset begins anew in place; take gives it away", () => {
    const writer = new FrameWriter(16);
    writer.int(1);
    const { buf } = writer;
    expect(writer.reset().int(2).bytes()).toEqual(Buffer.of(2));
    expect(writer.buf).toBe(buf);
    const taken = writer.take();
    writer.int(3);
    expect(taken).toEqual(Buffer.of(2));
    expect(writer.bytes()).toEqual(Buffer.of(3));
  });
});

import * as fc from "fast-check";
import { Packr, unpack } from "msgpackr/pack";
import { describe, expect, test } from "vitest";

import { OPAQUE } from "../../../../shared/codec/plain-read.ts";
import {
  isFaithful,
  payloadStart,
  readMap,
  readPayload,
  readValue,
  writePayload,
  writeValue,
} from "../../../../shared/codec/value.ts";
import { FrameWriter } from "../../../../shared/codec/write.ts";
import { plainScalar, structure } from "./arbitraries.ts";

function written(data: unknown): Buffer {
  const writer = new FrameWriter();
  writePayload(writer, data);
  return writer.take();
}

function back(data: unknown): unknown {
  const buf = written(data);
  return readPayload(buf, 0, buf.length);
}

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

describe("payloads", () => {
  test.each<[string, unknown]>([
    ["c0", null],
    ["c0", undefined],
    ["c3", true],
    ["c2", false],
    ["07", 7],
    ["cd0100", 256],
    ["cf0000000100000000", 2 ** 32],
    ["cb3ff8000000000000", 1.5],
    ["cb8000000000000000", -0],
    ["cb7ff0000000000000", Number.POSITIVE_INFINITY],
    ["cb4340000000000000", 2 ** 53],
    ["cfffffffffffffffff", 2n ** 64n - 1n],
    ["a26869", "hi"],
    ["c40201ff", Buffer.of(1, 255)],
    ["c40201ff", Uint8Array.of(1, 255)],
    ["c40201ff", Uint8Array.of(1, 255).buffer],
    ["c40201ff", new DataView(Uint8Array.of(9, 1, 255, 9).buffer, 1, 2)],
    ["d40180", {}],
    ["d40190", []],
    ["d60181a16b01", { k: 1 }],
  ])("%s", (hex, data) => {
    expect(written(data).toString("hex")).toBe(hex);
  });

  test("structures travel in ext 1, in types that every language has", () => {
    const buf = written({ list: [1, -1, 1.5, "x", null, true, { deep: [] }], none: undefined });
    expect(buf[1 + 1]).toBe(1);
    expect(unpack(buf.subarray(3))).toEqual({ list: [1, -1, 1.5, "x", null, true, { deep: [] }], none: null });
  });

  test("what can't be sent is refused, and the writer is as it was", () => {
    const writer = new FrameWriter().int(5);
    for (const data of [() => {}, Symbol("s"), 2n ** 64n, -(2n ** 63n) - 1n]) {
      expect(() => writePayload(writer, data)).toThrow(expect.objectContaining({ code: "bad_payload" }));
    }
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    expect(() => writePayload(writer, cyclic)).toThrow(expect.objectContaining({ code: "bad_payload" }));
    const holder = new Map<string, unknown>();
    holder.set("self", [holder]);
    for (const [value, why] of [
      [cyclic, /^the value can't be encoded: it holds itself, [^\n]*; send it without that: ids, not references$/],
      [{ holder }, /it holds itself/],
      [{ big: 2n ** 64n }, /^the value can't be encoded: it holds a bigint of more than 64 bits; send that as text$/],
      [{ symbol: Symbol("s") }, /^the value can't be encoded: [^\n]*symbol[^\n]*; send plain data$/],
    ] as const) {
      expect(() => writePayload(writer, value)).toThrow(why);
    }
    expect(written({ set: new Map([["a", 1]]) }).length).toBeGreaterThan(0); // nothing of them is left in the encoder
    expect(writer.bytes()).toEqual(Buffer.of(5));
  });

  test("views inside a structure are sent as the bytes that they are, and nothing beside them", () => {
    writePayload(new FrameWriter(), new Map([["what", "was written before"]]));
    for (const data of [{ v: Float64Array.of(1) }, { v: new DataView(Float64Array.of(1).buffer), other: 1n }])
      expect(back(data)).toMatchObject({ v: Buffer.from(Float64Array.of(1).buffer) });
  });

  test("what nobody could read is refused", () => {
    let data: unknown = 1;
    for (let i = 0; i < 128; i++) data = [data];
    expect(back(data)).toEqual(data);
    expect(() => written([data])).toThrow(expect.objectContaining({ code: "bad_payload" }));
    expect(() => written(new Map([["at", new Date(NaN)]]))).toThrow(expect.objectContaining({ code: "bad_payload" }));
  });

  test("round trips", () => {
    const comesBack = (data: unknown): void => {
      expect(back(data)).toEqual(data);
    };
    const bits64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
    for (const arbitrary of [structure, fc.double(), fc.maxSafeInteger(), fc.string({ unit: "grapheme" })]) {
      fc.assert(fc.property(arbitrary, comesBack));
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (data) => comesBack(Buffer.from(data))));
    fc.assert(
      fc.property(bits64, (data) => {
        expect(BigInt(back(data) as number)).toBe(data);
      }),
    );
  });

  test("every width of every scalar is read", () => {
    fc.assert(
      fc.property(plainScalar, ({ bytes: encoded, value }) => {
        const padded = Buffer.concat([Buffer.of(0xc1), encoded]);
        const read = readPayload(padded, 1, padded.length);
        if (value instanceof Buffer) expect(value.equals(read as Buffer)).toBe(true);
        else expect(read).toBe(value);
      }),
      { numRuns: 500 },
    );
  });

  test("bytes are a view, not a copy", () => {
    const buf = written(Buffer.of(1, 2, 3));
    (readPayload(buf, 0, buf.length) as Buffer)[0] = 9;
    expect(buf[2]).toBe(9);
  });
});

describe("what comes from a peer", () => {
  test.each<[string, string]>([
    ["text that is no UTF-8", "a1 ff"],
    ["a record that compiles code", "c7 03 01 d4 72 40"],
    ["a record, bare", "d4 72 40"],
    ["another extension", "d4 05 00"],
    ["an ext 1 without a value", "c7 00 01"],
    ["an ext 1 with two", "d5 01 01 02"],
    ["a value cut", "d5 01 92 01"],
    ["nesting without end", `c8 03 e8 01 ${"91".repeat(1000)}`],
  ])("%s is bad_payload", (_what, hex) => {
    const buf = bytes(hex);
    expect(() => readPayload(buf, 0, buf.length)).toThrow(expect.objectContaining({ code: "bad_payload" }));
  });

  test("records that msgpackr itself writes are refused", () => {
    const packed = new Packr({ structures: [] }).pack([{ a: 1 }, { a: 2 }]);
    expect(() => readValue(packed, 0, packed.length)).toThrow(expect.objectContaining({ code: "bad_payload" }));
  });

  test.each(["__proto__", "constructor", "prototype", "toString"])("the key %s reaches no prototype", (key) => {
    const body = Buffer.concat([Buffer.of(0x81, 0xa0 | key.length), Buffer.from(key), bytes("81 a3 62 61 64 c3")]);
    const read = readValue(body, 0, body.length) as Record<string, unknown>;
    expect(({} as Record<string, unknown>)["bad"]).toBeUndefined();
    expect((read as { bad?: unknown }).bad).toBeUndefined();
    expect(Object.getPrototypeOf(read)).toSatisfy((prototype) => prototype === Object.prototype || prototype === null);
  });

  test("a timestamp is a date", () => {
    const buf = bytes("d7 01 d6 ff 00 00 00 01 c0 c0");
    expect(readValue(buf, 2, 8)).toEqual(new Date(1000));
  });

  test("a timestamp beyond what dates reach is refused: it could not be sent on", () => {
    const buf = bytes("c7 0c ff 00 00 00 00 7f ff ff ff ff ff ff ff");
    expect(() => readValue(buf, 0, buf.length)).toThrow(/no date/);
  });

  test("integers beyond 2^53 are exact", () => {
    const buf = bytes("91 cf 00 20 00 00 00 00 00 01");
    expect(readValue(buf, 0, buf.length)).toEqual([2n ** 53n + 1n]);
    expect(readPayload(buf, 1, buf.length)).toBe(2n ** 53n + 1n);
  });
});

describe("maps", () => {
  const map = (hex: string): unknown => {
    const buf = bytes(hex);
    return readMap(buf, 0, buf.length);
  };

  test.each<[string, unknown]>([
    ["d4 01 80", {}],
    ["d6 01 81 a1 6b 01", { k: 1 }],
    ["c7 06 01 de 00 01 a1 6b 01", { k: 1 }],
    ["c7 08 01 df 00 00 00 01 a1 6b 01", { k: 1 }],
  ])("%s", (hex, value) => {
    expect(map(hex)).toEqual(value);
  });

  test.each([
    "c0",
    "01",
    "a1 61",
    "d4 02 80",
    "d4 01 90",
    "d4 01 c0",
    "c7 00 01",
    "d5 01 80 00",
    "d4 01 81",
    "c7 06 01 81 a1 6b d4 72 40",
  ])("%s is none", (hex) => {
    expect(map(hex)).toBeUndefined();
  });

  test("an extension of somebody else's may be passed over", () => {
    const buf = bytes("c7 09 01 82 a1 6b d4 72 40 a1 6c 05");
    expect(readMap(buf, 0, buf.length)).toBeUndefined();
    expect(readMap(buf, 0, buf.length, true)).toEqual({ k: OPAQUE, l: 5 });
  });

  test("a text that was no UTF-8 can be told from one that has U+FFFD in it", () => {
    const bad = bytes("81 a1 6b a2 61 ff");
    const good = Buffer.concat([bytes("81 a1 6b a4"), Buffer.from("a\ufffd")]);
    expect(isFaithful("a\ufffd", bad, 0, bad.length)).toBe(false);
    expect(isFaithful("a\ufffd", good, 0, good.length)).toBe(true);
    expect(isFaithful("plain", bad, 0, bad.length)).toBe(true);
  });
});

test("the bytes of a payload are its body, or the element where it has none", () => {
  const shown = (data: unknown): string => {
    const buf = written(data);
    return buf.toString("hex", payloadStart(buf, 0));
  };
  expect(shown("hi")).toBe("6869");
  expect(shown(Buffer.of(1, 2))).toBe("0102");
  expect(shown({ k: 1 })).toBe("81a16b01");
  expect(shown(7)).toBe("07");
  expect(shown(null)).toBe("c0");
});

test("writeValue puts any value in ext 1", () => {
  const writer = new FrameWriter();
  writeValue(writer, 7);
  expect(writer.bytes().toString("hex")).toBe("d40107");
});

import { expect, test } from "vitest";

import { Frame, scanFrame } from "../../../../shared/codec/scan.ts";
import { writeValue } from "../../../../shared/codec/value.ts";
import { FrameWriter } from "../../../../shared/codec/write.ts";
import { Op } from "../../../../shared/protocol.ts";
import { readQueueHeaders } from "../../../../broker/core/queue-headers.ts";

const NONE = { id: undefined, key: undefined, ttlMs: undefined, delayMs: undefined };

function headersOf(write: (writer: FrameWriter) => void): object {
  const writer = new FrameWriter();
  writer.frame(4, Op.PUB).str("t").nil();
  write(writer);
  const frame = new Frame();
  scanFrame(writer.buf, 0, writer.length, Number.POSITIVE_INFINITY, frame);
  return readQueueHeaders(writer.buf, frame);
}

function ofValue(value: unknown): object {
  return headersOf((writer) => writeValue(writer, value));
}

/** Headers of an `id` and of what `hex` encodes, under a name that means nothing. */
function withOther(hex: string): object {
  return headersOf((writer) => {
    const start = writer.beginExt();
    writer.map(2).str("mine").raw(Buffer.from(hex, "hex")).str("id").str("i");
    writer.endExt(start, 1);
  });
}

test("what queues heed is read", () => {
  expect(ofValue({ id: "i", key: "k", ttlMs: 5, delayMs: 1.5, other: [1] })).toEqual({
    id: "i",
    key: "k",
    ttlMs: 5,
    delayMs: 1.5,
  });
  expect(ofValue({ id: -1, key: true })).toEqual({ ...NONE, id: "-1", key: "true" });
  expect(ofValue({ id: Buffer.from("i"), key: 2n ** 63n })).toEqual({ ...NONE, id: "i", key: `${2n ** 63n}` });
});

test("what can't be read counts as absent, and nothing else with it", () => {
  expect(ofValue([1])).toEqual(NONE);
  expect(ofValue({ id: null, key: ["k"], ttlMs: -1, delayMs: "5" })).toEqual(NONE);
  expect(ofValue({ id: {}, key: "k", ttlMs: Number.NaN })).toEqual({ ...NONE, key: "k" });
});

test.each([
  ["an extension", "d40501"],
  ["a record of msgpackr", "d47200"],
  ["an ext 1", "c702019101"],
  ["text that is no UTF-8", "a1ff"],
  ["a structure", "81a16101"],
])("the application's own headers may be whatever they are: %s", (_what, hex) => {
  expect(withOther(hex)).toEqual({ ...NONE, id: "i" });
});

test("an id that is no UTF-8 is none: two of them are not the same", () => {
  expect(headersOf((writer) => writer.raw(Buffer.from("c7060181a26964a1ff", "hex")))).toEqual(NONE);
});

test("a time beyond what a number holds is not sooner for that", () => {
  expect(ofValue({ delayMs: 2n ** 60n, ttlMs: 2n ** 60n })).toEqual({ ...NONE, delayMs: 2 ** 60, ttlMs: 2 ** 60 });
});

test("of a message that died, the key alone counts", () => {
  expect(ofValue({ id: "i", key: "k", ttlMs: 5, deadQueue: "q" })).toEqual({ ...NONE, key: "k" });
  expect(ofValue({ id: "i", deadQueue: null })).toEqual({ ...NONE, id: "i" });
});

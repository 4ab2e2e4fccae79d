import { expect, test } from "vitest";

import { Frame, scanFrame } from "../../../../shared/codec/scan.ts";
import { readMap, writeValue } from "../../../../shared/codec/value.ts";
import { FrameWriter } from "../../../../shared/codec/write.ts";
import { Op } from "../../../../shared/protocol.ts";
import { splitHeaders, writeHeaders } from "../../../../broker/core/dead-headers.ts";

const DEATH = { deadQueue: "q", deadTopic: "t.a", deadReason: "rejected", deadAttempts: 3 } as const;

function scanned(headers: Buffer): { buf: Buffer; frame: Frame } {
  const buf = Buffer.concat([new FrameWriter().frame(4, Op.PUB).str("t").nil().bytes(), headers]);
  const frame = new Frame();
  scanFrame(buf, 0, buf.length, Number.POSITIVE_INFINITY, frame);
  return { buf, frame };
}

/** What becomes of `headers` when their message dies. */
function died(headers: Buffer): Buffer {
  const { buf, frame } = scanned(headers);
  const writer = new FrameWriter();
  writeHeaders(writer, buf, splitHeaders(buf, frame)?.others ?? [], DEATH);
  return writer.take();
}

/** What is left of them when it is replayed. */
function replayed(headers: Buffer): Buffer {
  const { buf, frame } = scanned(headers);
  const writer = new FrameWriter();
  writeHeaders(writer, buf, splitHeaders(buf, frame)!.others);
  return writer.take();
}

function ext(hex: string): Buffer {
  const body = Buffer.from(hex, "hex");
  return Buffer.concat([Buffer.of(0xc7, body.length, 1), body]);
}

test.each([
  ["a float that is whole", "cb3ff0000000000000"],
  ["a float of 32 bits", "ca3f800000"],
  ["an integer in a wide encoding", "cf0000000000000005"],
  ["an extension", "d40501"],
  ["an ext 1", "c702019101"],
  ["a timestamp of nanoseconds", "d7ff0000000400000007"],
  ["text that is no UTF-8", "a1ff"],
])("headers of the application go through death and replay byte for byte: %s", (_what, hex) => {
  const had = ext(`82a17a${hex}a26964a169`);
  const letter = died(had);
  expect(letter.includes(Buffer.from(`a17a${hex}a26964a169`, "hex"))).toBe(true);
  const back = replayed(letter);
  expect(back.subarray(back.indexOf(0x82)).toString("hex")).toBe(`82a17a${hex}a26964a169`);
});

test("the headers of a death stand behind the others, and replace those of one before", () => {
  const writer = new FrameWriter();
  writeValue(writer, { deadQueue: "before", deadAttempts: 9, mine: 1 });
  const letter = died(writer.take());
  expect(readMap(letter, 0, letter.length)).toEqual({ mine: 1, ...DEATH });
  const { buf, frame } = scanned(letter);
  expect(splitHeaders(buf, frame)!.dead).toEqual(DEATH);
});

test("headers that are no map are none", () => {
  const letter = died(ext("90"));
  expect(readMap(letter, 0, letter.length)).toEqual(DEATH);
});

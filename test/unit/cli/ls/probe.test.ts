import { describe, expect, test } from "vitest";

import { readGreeting } from "../../../../cli/ls/probe.ts";
import { Frame, Scan, scanFrame } from "../../../../shared/codec/scan.ts";
import { writeValue } from "../../../../shared/codec/value.ts";
import { FrameWriter } from "../../../../shared/codec/write.ts";

function read(write: (writer: FrameWriter) => void): ReturnType<typeof readGreeting> {
  const writer = new FrameWriter();
  write(writer);
  const frame = new Frame();
  expect(scanFrame(writer.bytes(), 0, writer.length, 4096, frame)).toBe(Scan.FRAME);
  return readGreeting(writer.bytes(), frame);
}

describe("a greeting", () => {
  test("tells the broker, and whether it asks for a proof", () => {
    const greeting = read((writer) => {
      writeValue(writer.frame(3, 0).int(1), { broker: "podbus", auth: "none", nonce: Buffer.alloc(16), client: 3 });
    });
    expect(greeting).toEqual({ protocol: 1, broker: "podbus", auth: "none" });
  });

  test("is a refusal, too: who does not let this process in is a broker all the same", () => {
    const greeting = read((writer) => writer.frame(4, 6).nil().str("not_allowed").str("uid 7 is not allowed"));
    expect(greeting).toEqual({ refused: "not_allowed" });
  });

  test("is one of these, and nothing else", () => {
    expect(read((writer) => writer.frame(4, 6).nil().str("no_such_code").str("x"))).toBeUndefined();
    expect(read((writer) => writer.frame(4, 6).int(1).str("not_allowed").str("x"))).toBeUndefined();
    expect(read((writer) => writer.frame(3, 6).nil().str("not_allowed"))).toBeUndefined();
    expect(read((writer) => writer.frame(2, 0).int(1))).toBeUndefined();
    expect(read((writer) => writer.frame(3, 0).int(1).str("x"))).toBeUndefined();
    expect(read((writer) => writeValue(writer.frame(3, 0).str("1"), {}))).toBeUndefined();
    expect(read((writer) => writeValue(writer.frame(3, 1).int(1), {}))).toBeUndefined();
  });
});

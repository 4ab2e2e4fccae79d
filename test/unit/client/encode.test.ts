import * as fc from "fast-check";
import { expect, test } from "vitest";

import { encodePublish } from "../../../client/encode.ts";
import { TopicTable } from "../../../client/topic-table.ts";
import { FrameWriter } from "../../../shared/codec/write.ts";
import { frame } from "../../support/msgpack.ts";

const topics = new TopicTable();

test("bytes of any length, to a topic of any length, behind whatever is there", () => {
  const lengths = fc.oneof(fc.nat({ max: 300 }), fc.constantFrom(255, 256, 65_535, 65_536, 70_000));
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 255 }), fc.nat({ max: 200 }), (bytes, nameBytes, before) => {
      const name = "t".repeat(nameBytes);
      const payload = Buffer.alloc(bytes, 7);
      const w = new FrameWriter(before);
      w.raw(Buffer.alloc(before, 1));
      encodePublish(w, 1, topics.get(name), payload);
      expect(w.bytes().equals(Buffer.concat([Buffer.alloc(before, 1), frame(1, name, payload)]))).toBe(true);
    }),
  );
});

test("views of every kind are their bytes", () => {
  const floats = new Float32Array([1.5, 2]);
  for (const data of [floats, floats.buffer, new DataView(floats.buffer)]) {
    const w = new FrameWriter(0);
    encodePublish(w, 18, topics.get("t"), data);
    expect(w.bytes()).toEqual(frame(18, "t", new Uint8Array(floats.buffer)));
  }
});

test("what can't be encoded leaves nothing behind", () => {
  const w = new FrameWriter(0).nil();
  for (const [data, headers] of [
    [Symbol("s"), undefined],
    [{ f: 2n ** 65n }, undefined],
    [1, { h: 2n ** 65n }],
  ] as const) {
    expect(() => encodePublish(w, 1, topics.get("t"), data, headers)).toThrow(
      expect.objectContaining({ code: "bad_payload" }),
    );
    expect(w.length).toBe(1);
  }
});

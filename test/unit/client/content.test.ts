import { inspect } from "node:util";
import { expect, test } from "vitest";

import { Content } from "../../../client/content.ts";
import { Frame, Scan, scanFrame } from "../../../shared/codec/scan.ts";
import { type Elements, Ext, ext1, frame } from "../../support/msgpack.ts";

function contentOf(...elements: Elements): Content {
  const bytes = frame(...elements);
  const buf = Buffer.allocUnsafeSlow(bytes.length);
  buf.set(bytes);
  const scanned = new Frame();
  expect(scanFrame(buf, 0, buf.length, buf.length, scanned)).toBe(Scan.FRAME);
  return new Content(undefined, buf, buf.buffer, scanned, 1);
}

test("is printed as what it carries", () => {
  expect(inspect(contentOf(4, "a.b", ext1({ n: 1 }), ext1({ h: "x" })))).toBe(
    "{ topic: 'a.b', data: { n: 1 }, headers: { h: 'x' } }",
  );
});

test("a header that can't be read does not hide the others", () => {
  const headers = new Ext(1, Buffer.from("82a17ad40501a168a178", "hex"));
  expect(contentOf(4, "a.b", null, headers).headers).toEqual({ h: "x" });
  const within = new Ext(1, Buffer.from("82a17a91d40501a168a178", "hex")); // in a list
  expect(contentOf(4, "a.b", null, within).headers).toEqual({ h: "x" });
});

test("is JSON as what it carries, not as the chunk that it came in", () => {
  expect(JSON.stringify({ message: contentOf(4, "a.b", ext1({ n: 1 }), ext1({ h: "x" })) })).toBe(
    '{"message":{"topic":"a.b","data":{"n":1},"headers":{"h":"x"}}}',
  );
  expect(JSON.parse(JSON.stringify(contentOf(4, "a", Buffer.from([7]))))).toEqual({
    topic: "a",
    data: { type: "Buffer", data: [7] },
    headers: {},
  });
});

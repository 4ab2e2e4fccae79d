import { expect, test } from "vitest";

import { viewOf } from "../../../../shared/codec/view.ts";

test("shares the memory of which it is a part, and is a Buffer in every way", () => {
  const { buffer } = new Uint8Array(Buffer.from("abcdef"));
  const view = viewOf(buffer, 1, 4);
  expect(view).toStrictEqual(Buffer.from("bcd"));
  expect(Buffer.isBuffer(view)).toBe(true);
  expect(view.constructor).toBe(Buffer);
  view[0] = "B".charCodeAt(0);
  expect(Buffer.from(buffer).toString()).toBe("aBcdef");
  expect(viewOf(buffer, 6, 6)).toHaveLength(0);
  expect(() => viewOf(buffer, 4, 7)).toThrow(RangeError);
});

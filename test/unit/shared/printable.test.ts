import { describe, expect, test } from "vitest";

import { printable } from "../../../shared/printable.ts";

describe("printable", () => {
  test("leaves text alone, in any script", () => {
    expect(printable("@café.名前 🚌")).toBe("@café.名前 🚌");
  });

  test("escapes controls, bidirectional marks, separators and lone surrogates", () => {
    expect(printable("a\0b\n\x1b[31m\x7f\x9b")).toBe("a\\x00b\\x0a\\x1b[31m\\x7f\\x9b");
    expect(printable("\u202e\u2028\u{e0001}\ud800")).toBe("\\u{202e}\\u{2028}\\u{e0001}\\u{d800}");
  });

  test("cuts what is too long", () => {
    expect(printable("abcdef", 3)).toBe("abc…");
    expect(printable("abc", 3)).toBe("abc");
  });
});

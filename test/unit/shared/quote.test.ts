import { describe, expect, test } from "vitest";
import * as fc from "fast-check";
import { quote, quoteBytes } from "../../../shared/quote.ts";

describe("quote", () => {
  test.each([
    ["orders.eu", '"orders.eu"'],
    ["", '""'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["a\nb\r\0\u001b[2J", '"a\\x0ab\\x0d\\x00\\x1b[2J"'],
    ["\u007f\u0085\u2028\u2029", '"\\x7f\\x85\\u{2028}\\u{2029}"'],
    ["pay\u202eload\u{e0041}", '"pay\\u{202e}load\\u{e0041}"'],
    ["half \ud800", '"half \\u{d800}"'],
    ["größe.日本", '"größe.日本"'],
  ])("shows %j", (text, shown) => {
    expect(quote(text)).toBe(shown);
  });

  test("cuts what is long, and never inside a surrogate pair", () => {
    expect(quote("x".repeat(48))).toBe(`"${"x".repeat(48)}"`);
    expect(quote("x".repeat(49))).toBe(`"${"x".repeat(48)}"…`);
    expect(quote(`${"x".repeat(47)}😀`)).toBe(`"${"x".repeat(47)}"…`);
    expect(quote(`${"x".repeat(46)}😀y`)).toBe(`"${"x".repeat(46)}😀"…`);
  });

  test("is one short line of visible characters whatever comes in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const shown = quote(text);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(shown.length).toBeLessThan(500);
      }),
    );
  });
});

describe("quoteBytes", () => {
  test("shows the range alone, and what is no UTF-8 as U+FFFD", () => {
    expect(quoteBytes(Buffer.from("xxorders.euyy"), 2, 11)).toBe('"orders.eu"');
    expect(quoteBytes(Buffer.from("61ff62", "hex"), 0, 3)).toBe('"a\ufffdb"');
    expect(quoteBytes(Buffer.from("\ufeffa"), 0, 4)).toBe('"\\u{feff}a"');
  });

  test("shows of long bytes what quote shows of long text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 40, maxLength: 300 }), (text) => {
        const bytes = Buffer.from(text);
        expect(quoteBytes(bytes, 0, bytes.length)).toBe(quote(text));
      }),
    );
  });
});

import { describe, expect, test } from "vitest";

import { displayBlock, displayLine, rawBytes, toJson } from "../../../cli/display.ts";

const ESC = "\u001B";

describe("on a line", () => {
  test("text is itself, values are JSON", () => {
    expect(displayLine("hello", false)).toBe("hello");
    expect(displayLine({ a: [1, null] }, false)).toBe('{"a":[1,null]}');
    expect([42, true, null].map((value) => displayLine(value, false))).toEqual(["42", "true", "null"]);
    expect(displayLine(2n ** 60n, false)).toBe('"1152921504606846976"');
  });

  test("bytes are text where they are UTF-8, and hexadecimal where not", () => {
    expect(displayLine(Buffer.from("grün"), false)).toBe("grün");
    expect(displayLine(Uint8Array.of(0xff, 0x01), false)).toBe("0xff01");
  });

  test("long bytes are cut on a terminal alone", () => {
    const bytes = Buffer.alloc(100, 0xff);
    expect(displayLine(bytes, false)).toBe(`0x${"ff".repeat(100)}`);
    expect(displayLine(bytes, true)).toBe(`0x${"ff".repeat(64)}… (100 bytes)`);
  });

  test("a line break never gets through", () => {
    expect(displayLine("a\nb\r\n", false)).toBe("a\\nb\\r\\n");
    expect(displayLine("a\nb\r\n", true)).toBe("a\\nb\\r\\n");
  });

  test("no control character reaches a terminal", () => {
    const evil = `${ESC}]0;title\u0007 ${ESC}[2J\u009B31m \u202Egnp\t`;
    // oxlint-disable-next-line no-control-regex
    expect(displayLine(evil, true)).not.toMatch(/[\u0000-\u001F\u007F-\u009F\u202E]/);
    expect(displayLine(evil, true)).toContain("\\x1b[2J");
    expect(displayLine(evil, false)).toBe(evil);
  });
});

test("a block keeps its line breaks, and ends with one", () => {
  expect(displayBlock("a\nb", false)).toBe("a\nb\n");
  expect(displayBlock("a\nb\n", false)).toBe("a\nb\n");
  expect(displayBlock(`a\n${ESC}[2J`, true)).toBe("a\n\\x1b[2J\n");
  expect(displayBlock({ a: 1 }, false)).toBe('{"a":1}\n');
});

test("raw is what was sent", () => {
  expect(rawBytes(Uint8Array.of(1, 2))).toEqual(Uint8Array.of(1, 2));
  expect(rawBytes("hé")).toEqual(Buffer.from("hé"));
  expect(rawBytes({ a: 1 })).toEqual(Buffer.from('{"a":1}'));
});

test("JSON says what JSON has no word for", () => {
  expect(toJson({ data: Buffer.from([1, 2]), big: 2n ** 60n })).toBe(
    '{"data":{"base64":"AQI="},"big":"1152921504606846976"}',
  );
  expect(toJson(Uint8Array.of(255))).toBe('{"base64":"/w=="}');
  expect(toJson(undefined)).toBe("null");
});

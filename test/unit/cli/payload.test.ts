import { describe, expect, test } from "vitest";

import { pipedPayload, typedPayload } from "../../../cli/payload.ts";
import { UsageError } from "../../../cli/usage.ts";

describe("what is typed", () => {
  test.each<[string, unknown]>([
    ['{"id":1}', { id: 1 }],
    ["[1, 2]", [1, 2]],
    ["42", 42],
    ["-0.5", -0.5],
    ["true", true],
    ["false", false],
    ["null", null],
  ])("%s is a value", (text, value) => {
    expect(typedPayload(text, "auto")).toEqual(value);
  });

  test.each([
    "",
    "hello there",
    "{not json",
    "nullable",
    '"quoted"',
    "1.10",
    "007",
    "1e3",
    "12345678901234567890",
    " 1",
    "+1",
  ])("%j stays the text that it is", (text) => {
    expect(typedPayload(text, "auto")).toBe(text);
  });

  test("--as says otherwise", () => {
    expect(typedPayload("42", "text")).toBe("42");
    expect(typedPayload("42", "bytes")).toEqual(Buffer.from("42"));
    expect(typedPayload('"x"', "json")).toBe("x");
    expect(() => typedPayload("x", "json")).toThrow(UsageError);
  });
});

describe("what is piped", () => {
  test("is taken as it is: text where it is UTF-8, bytes where not", () => {
    expect(pipedPayload(Buffer.from('{"id":1}\n'), "auto")).toBe('{"id":1}\n');
    expect(pipedPayload(Buffer.from("grün"), "auto")).toBe("grün");
    expect(pipedPayload(Buffer.from([0xff, 0]), "auto")).toEqual(Buffer.from([0xff, 0]));
    expect(pipedPayload(Buffer.alloc(0), "auto")).toBe("");
  });

  test("--as says otherwise", () => {
    expect(pipedPayload(Buffer.from("abc"), "bytes")).toEqual(Buffer.from("abc"));
    expect(pipedPayload(Buffer.from('{"id":1}\n'), "json")).toEqual({ id: 1 });
    expect(() => pipedPayload(Buffer.from([0xff]), "text")).toThrow(/UTF-8/);
    expect(() => pipedPayload(Buffer.from("{"), "json")).toThrow(UsageError);
  });
});

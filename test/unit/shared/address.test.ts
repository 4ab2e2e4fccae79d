import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { parseAddress } from "../../../shared/address.ts";
import { PodbusError } from "../../../shared/errors.ts";

function refusal(text: string, options?: { autobind?: boolean }): PodbusError {
  try {
    parseAddress(text, options);
  } catch (error) {
    expect(error).toBeInstanceOf(PodbusError);
    expect((error as PodbusError).code).toBe("bad_address");
    expect((error as PodbusError).message).not.toMatch(/[\p{Cc}\p{Cs}]/u);
    return error as PodbusError;
  }
  throw new Error(`${JSON.stringify(text)} was taken`);
}

describe("abstract addresses", () => {
  test("are the name behind the @", () => {
    expect(parseAddress("@podbus")).toEqual({ kind: "abstract", name: "podbus", text: "@podbus" });
    expect(parseAddress("@@/é 🚌")).toEqual({ kind: "abstract", name: "@/é 🚌", text: "@@/é 🚌" });
  });

  test("have 1 to 107 bytes of UTF-8", () => {
    expect(parseAddress(`@${"x".repeat(107)}`).kind).toBe("abstract");
    expect(refusal(`@${"x".repeat(108)}`).message).toContain("at most 107 bytes, got 108");
    expect(parseAddress(`@${"é".repeat(53)}x`).kind).toBe("abstract");
    expect(refusal(`@${"é".repeat(54)}`).message).toContain("got 108");
  });

  test("have no NUL, and are well-formed", () => {
    expect(refusal("@pod\0bus").message).toContain('"@pod\\x00bus"');
    expect(refusal("@\0").message).toContain("NUL");
    expect(refusal("@\ud83d").message).toContain("surrogate");
  });

  test("of no name are for brokers alone", () => {
    expect(parseAddress("@", { autobind: true })).toEqual({ kind: "autobind", text: "@" });
    expect(refusal("@").message).toContain("name behind the @");
    expect(refusal("@", { autobind: false }).message).toContain("name behind the @");
  });
});

describe("file-system addresses", () => {
  test("begin with / or .", () => {
    expect(parseAddress("/run/podbus.sock")).toEqual({
      kind: "file",
      path: "/run/podbus.sock",
      text: "/run/podbus.sock",
    });
    expect(parseAddress("./podbus.sock")).toEqual({ kind: "file", path: "./podbus.sock", text: "./podbus.sock" });
    expect(parseAddress(".podbus").kind).toBe("file");
  });

  test("have at most 107 bytes, and no NUL", () => {
    expect(parseAddress(`/${"x".repeat(106)}`).kind).toBe("file");
    expect(refusal(`/${"x".repeat(107)}`).message).toContain("a path of at most 107 bytes, got 108");
    expect(refusal("/run/a\0b").message).toContain("\\x00");
  });
});

describe("anything else", () => {
  test.each(["podbus", "unix:/run/podbus.sock", "\0podbus", " @podbus", "tcp://x", ""])("%j is refused", (text) => {
    expect(refusal(text, { autobind: true }).message).toContain("expected @NAME, or the path");
  });

  test("gets a hint that can be copied", () => {
    expect(refusal("orders").message).toContain("write @orders or ./orders");
    expect(refusal("a b\nc").message).toContain("write @podbus or ./podbus");
  });

  test("is not repeated at length", () => {
    expect(refusal("x".repeat(100_000)).message.length).toBeLessThan(400);
  });
});

test("an address is taken as it is, or refused with one printable line", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc
      .tuple(fc.constantFrom("@", "/", "."), fc.string({ unit: "binary", maxLength: 120 }))
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, fc.boolean(), (text, autobind) => {
      try {
        expect(parseAddress(text, { autobind }).text).toBe(text);
      } catch (error) {
        if (!(error instanceof PodbusError)) throw error;
        expect(error.message).not.toMatch(/[\p{Cc}\p{Cs}]/u);
      }
    }),
  );
});

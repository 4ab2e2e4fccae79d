import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { isWireCode, LOCAL_CODES, PodbusError, WIRE_CODES } from "../../../shared/errors.ts";
import { VERSION } from "../../../shared/version.ts";

const root = new URL("../../../", import.meta.url);
const page = readFileSync(new URL("docs/errors.md", root), "utf8");

describe("the error codes", () => {
  test.each([...WIRE_CODES, ...LOCAL_CODES])("%s has its entry in the docs", (code) => {
    expect(page).toMatch(new RegExp(`^\\| \`${code}\` `, "m"));
  });

  test("the docs name no code that is none", () => {
    const named = [...page.matchAll(/^\| `(\w+)` /gm)].map(([, code]) => code);
    expect(named.sort()).toEqual([...WIRE_CODES, ...LOCAL_CODES].sort());
  });

  test("those of the wire are told from others", () => {
    expect(WIRE_CODES.every((code) => isWireCode(code))).toBe(true);
    expect(isWireCode("closed")).toBe(false);
    expect(isWireCode("constructor")).toBe(false);
  });

  test("an error carries code, message and cause", () => {
    const cause = new Error("underneath");
    const error = new PodbusError("limit", "too many", { cause });
    expect(error).toMatchObject({ name: "PodbusError", code: "limit", message: "too many", cause });
  });
});

test("the version is the package's", () => {
  expect(VERSION).toBe(
    (JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { version: string }).version,
  );
});

import { array, assert, asyncProperty, constantFrom, string } from "fast-check";
import { expect, test } from "vitest";

import { readAll, readLines } from "../../../cli/input.ts";

async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function linesOf(...texts: string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const lines of readLines(chunks(...texts))) found.push(...lines.map(String));
  return found;
}

test("lines end with LF or CR LF; the last need not", async () => {
  expect(await linesOf("a\nb\r\n\nc")).toEqual(["a", "b", "", "c"]);
  expect(await linesOf("a\n")).toEqual(["a"]);
  expect(await linesOf("\n")).toEqual([""]);
  expect(await linesOf("")).toEqual([]);
  expect(await linesOf()).toEqual([]);
});

test("where the chunks are cut does not matter", async () => {
  await assert(
    asyncProperty(array(string({ unit: constantFrom("a", "ü", "\n", "\r") })), async (texts) => {
      const whole = texts.join("");
      expect(await linesOf(...texts)).toEqual(await linesOf(whole));
    }),
  );
});

test("the whole is the chunks together", async () => {
  expect(String(await readAll(chunks("ab", "", "c")))).toBe("abc");
});

import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";

import { confirm, type Terminal } from "../../../cli/confirm.ts";

function terminal(isTTY = true): Terminal & { input: PassThrough; shown: () => string } {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const shown = (): string => {
    let text = "";
    for (let part: unknown; (part = output.read()) !== null;) text += String(part);
    return text;
  };
  return { input: Object.assign(input, { isTTY }), output: Object.assign(output, { isTTY }), shown };
}

describe("before something is lost", () => {
  test.each(["y", "yes", " Y "])("%j is a yes", async (answer) => {
    const asked = terminal();
    const confirmed = confirm("3 messages will be dropped", asked);
    expect(asked.shown()).toContain("3 messages will be dropped; go on? [y/N] ");
    asked.input.write(`${answer}\n`);
    await confirmed;
  });

  test.each(["", "n", "yesterday"])("%j is a no", async (answer) => {
    const asked = terminal();
    asked.input.write(`${answer}\n`);
    await expect(confirm("it will go", asked)).rejects.toThrow("nothing was done");
  });

  test("the end of the input is a no", async () => {
    const asked = terminal();
    asked.input.end();
    await expect(confirm("it will go", asked)).rejects.toThrow("nothing was done");
  });

  test("where nobody can be asked, it has to be said beforehand", async () => {
    await expect(confirm("it will go", terminal(false))).rejects.toThrow("it will go; add --yes to do it");
  });
});

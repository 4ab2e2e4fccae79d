import { expect, test } from "vitest";

import { fileTopic } from "../../../../cli/demo/wire.ts";

test.each([
  ["a.js", "files.js"],
  ["A.JS", "files.js"],
  ["types.d.ts", "files.ts"],
  ["archive.tar.gz", "files.gz"],
  ["LICENSE", "files.none"],
  [".gitignore", "files.none"],
  [".config.json", "files.json"],
  ["ends.", "files.none"],
  ["a.b c", "files.none"],
  ["a.*", "files.none"],
  ["a.>", "files.none"],
  ["a.grün", "files.none"],
  [`a.${"x".repeat(33)}`, "files.none"],
  ["", "files.none"],
])("%j goes to %s", (name, topic) => {
  expect(fileTopic(name)).toBe(topic);
});

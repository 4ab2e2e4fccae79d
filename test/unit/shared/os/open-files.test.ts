import { expect, test } from "vitest";

import { connectionsWithin, openFilesLimit, parseOpenFiles } from "../../../../shared/os/open-files.ts";

test("the soft limit is what counts; without one there is none", () => {
  const head = "Limit                     Soft Limit           Hard Limit           Units\n";
  expect(parseOpenFiles(`${head}Max open files            1024                 4096                 files\n`)).toBe(
    1024,
  );
  expect(parseOpenFiles(`${head}Max open files            unlimited            unlimited            files\n`)).toBe(
    Infinity,
  );
  expect(parseOpenFiles("")).toBe(Infinity);
  expect(openFilesLimit()).toBeGreaterThan(64);
});

test("some files are kept for what is not a client, and one connection there is always", () => {
  expect(connectionsWithin(1024)).toBe(960);
  expect(connectionsWithin(64)).toBe(1);
  expect(connectionsWithin(Infinity)).toBe(Infinity);
});

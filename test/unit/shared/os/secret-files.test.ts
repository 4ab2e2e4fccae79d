import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { PodbusError } from "../../../../shared/errors.ts";
import { readClientSecret, readSecrets } from "../../../../shared/os/secret-files.ts";
import { freshFolder } from "./support.ts";

function folderOf(files: Record<string, string>): string {
  const folder = freshFolder();
  for (const [name, secret] of Object.entries(files)) writeFileSync(join(folder, name), secret);
  return folder;
}

const secrets = (path: string): [string | undefined, string][] =>
  readSecrets(path).map(({ identity, secret }) => [identity, secret.toString()]);

const COMMON = "the common secret";
const BILLING = "the secret of billing";

test("a file is everybody's", () => {
  const folder = folderOf({ secret: `${COMMON}\n` });
  expect(secrets(join(folder, "secret"))).toEqual([[undefined, COMMON]]);
  expect(readClientSecret(join(folder, "secret"), "billing").toString()).toBe(COMMON);
});

describe("a folder", () => {
  test("has them by identity, several of one for a while", () => {
    const folder = folderOf({ common: COMMON, "common.next": "the next common secret", billing: BILLING });
    expect(secrets(folder)).toEqual([
      ["billing", BILLING],
      [undefined, COMMON],
      [undefined, "the next common secret"],
    ]);
  });

  test("gives a client that of its name, or else the common one", () => {
    const folder = folderOf({ common: COMMON, billing: BILLING, "billing.next": "another one of billing" });
    expect(readClientSecret(folder, "billing").toString()).toBe(BILLING);
    expect(readClientSecret(folder, "orders").toString()).toBe(COMMON);
    expect(readClientSecret(folder, "billing.next").toString()).toBe(COMMON);
    expect(readClientSecret(folder, undefined).toString()).toBe(COMMON);
    expect(readClientSecret(folder, "../billing").toString()).toBe(COMMON);
  });

  test("as Kubernetes makes it: links to files in hidden folders", () => {
    const folder = freshFolder();
    mkdirSync(join(folder, "..2026_01_01"));
    symlinkSync("..2026_01_01", join(folder, "..data"));
    writeFileSync(join(folder, "..2026_01_01", "billing"), BILLING);
    symlinkSync("..data/billing", join(folder, "billing"));
    expect(secrets(folder)).toEqual([["billing", BILLING]]);
    expect(readClientSecret(folder, "billing").toString()).toBe(BILLING);
    expect(() => readClientSecret(folder, "orders")).toThrow(/neither a secret for "orders" nor a file common/);
  });

  test("without a file, or with a folder in it, is refused", () => {
    expect(() => readSecrets(freshFolder())).toThrow(/no file/);
    const folder = folderOf({ billing: BILLING });
    mkdirSync(join(folder, "more"));
    expect(() => readSecrets(folder)).toThrow(/more: a folder of secrets has files only/);
  });
});

describe("what is refused never shows a secret", () => {
  test.each([
    ["", /at least 16 bytes, and this 0/],
    ["fifteen bytes!!\n", /at least 16 bytes, and this 15/],
    ["x".repeat(4097), /at most 4096 bytes/],
    ["x".repeat(100_000), /at most 4096 bytes/],
  ])("%#", (secret, message) => {
    const path = join(folderOf({ secret }), "secret");
    const error = refusal(() => readSecrets(path));
    expect(error).toBeInstanceOf(PodbusError);
    expect(error).toMatchObject({ code: "bad_option", message: expect.stringMatching(message) });
    if (secret !== "") expect(error.message).not.toContain(secret.slice(0, 8));
  });

  test("the longest there may be, and the shortest", () => {
    for (const secret of ["x".repeat(4096), "sixteen bytes!!!"]) {
      expect(secrets(join(folderOf({ secret: `${secret}\r\n` }), "secret"))).toEqual([[undefined, secret]]);
    }
  });

  test("a file that is not there, a device without an end, a pipe that nobody writes to, also in a folder", () => {
    const folder = freshFolder();
    expect(refusal(() => readSecrets(join(folder, "none"))).message).toMatch(/ENOENT/);
    expect(refusal(() => readSecrets("/dev/zero"))).toMatchObject({
      code: "bad_option",
      message: "secretFile /dev/zero: it is a device, not a regular file; name a file that holds the secret",
    });
    const pipe = join(folder, "billing");
    execFileSync("mkfifo", [pipe]);
    for (const path of [pipe, folder]) {
      const told = `secretFile ${pipe}: it is a pipe, not a regular file; name a file that holds the secret`;
      expect(refusal(() => readSecrets(path)).message).toBe(told);
      expect(refusal(() => readClientSecret(path, "billing")).message).toBe(told);
    }
  });
});

function refusal(read: () => unknown): Error {
  try {
    read();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was not refused");
}

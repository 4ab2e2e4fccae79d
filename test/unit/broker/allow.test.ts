import { describe, expect, test } from "vitest";

import { parseAllow } from "../../../broker/allow.ts";
import { notAllowed } from "../../../broker/core/allow.ts";

const own = process.geteuid!();
const uid = (id: number, gid = id): { uid: number; gid: number; pid: number } => ({ uid: id, gid, pid: 7 });
const refusal = (option: string | undefined, credentials: ReturnType<typeof uid> | undefined): string | undefined =>
  notAllowed(parseAllow(option), credentials);

test("without a word: the broker's own user, and root", () => {
  expect(refusal(undefined, uid(own))).toBeUndefined();
  expect(refusal("", uid(0))).toBeUndefined();
  expect(refusal(undefined, uid(1002))).toBe("uid 1002 is not allowed; start the broker with --allow uid:1002");
});

test("more users and groups, beside those", () => {
  const option = " uid:1001, gid:2000,";
  expect(refusal(option, uid(1001, 5))).toBeUndefined();
  expect(refusal(option, uid(5, 2000))).toBeUndefined();
  expect(refusal(option, uid(0))).toBeUndefined();
  // A number is not of the other kind.
  expect(refusal(option, uid(2000, 1001))).toBe(
    "uid 2000 is not allowed; start the broker with --allow uid:1001,gid:2000,uid:2000",
  );
});

test("what a refusal names would admit who was refused", () => {
  const told = refusal("gid:2000", uid(1002))!;
  expect(refusal(/--allow (\S+)$/.exec(told)![1]!, uid(1002))).toBeUndefined();
});

test("any is everybody, and those whom the system does not tell", () => {
  for (const who of [uid(1002), uid(65534), undefined]) expect(refusal("any", who)).toBeUndefined();
});

test("who can't be told from others is let in by any alone", () => {
  expect(refusal("uid:1001", uid(65534, 1))).toMatch(/^uid 65534 is not allowed: .*--allow any, and a secret/);
  expect(refusal("uid:1001", undefined)).toMatch(/does not tell.*--allow any, and a secret/);
  expect(() => parseAllow("uid:65534")).toThrow(/can't be allowed by number/);
  expect(() => parseAllow("gid:65534")).toThrow(/can't be allowed by number/);
});

describe("what can't be is refused", () => {
  test.each(["all", "1001", "uid:", "uid:-1", "uid:1.5", "user:1001", "any,uid:1001", "uid:4294967295", "uid:0x10"])(
    "%s",
    (option) => {
      expect(() => parseAllow(option)).toThrow(
        expect.objectContaining({ code: "bad_option", message: expect.stringContaining("uid:1001,gid:2000") }),
      );
    },
  );

  test("any beside others, which would say more than they seem to", () => {
    expect(() => parseAllow("any,uid:1001")).toThrow(/"any,uid:1001" is both: any admits everybody by itself/);
  });
});

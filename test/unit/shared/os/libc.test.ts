import { closeSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { PodbusError } from "../../../../shared/errors.ts";
import { loadLibc, systemError, unixAddress, unixSocket } from "../../../../shared/os/libc.ts";
import { needsLinux } from "../../../../shared/os/need-linux.ts";
import { freshName, requireLibc } from "./support.ts";

describe("unixAddress", () => {
  test("is as long as its name: abstract ones end with their last byte, paths with a NUL", () => {
    expect([...unixAddress({ name: "aé" })]).toEqual([1, 0, 0, 0x61, 0xc3, 0xa9]);
    expect([...unixAddress({ path: "/a" })]).toEqual([1, 0, 0x2f, 0x61, 0]);
    expect(unixAddress({ name: "x".repeat(107) })).toHaveLength(110);
    expect(unixAddress({ path: `/${"x".repeat(106)}` })).toHaveLength(110);
  });

  test("of no name is the family alone", () => {
    expect([...unixAddress(undefined)]).toEqual([1, 0]);
  });
});

describe("the C library", () => {
  test("is loaded once", () => {
    expect(loadLibc()).toBe(requireLibc());
  });

  test("tells why a call failed, as Node does", () => {
    const libc = requireLibc();
    const fd = unixSocket(libc);
    const bytes = unixAddress({ name: freshName() });
    expect(libc.connect(fd, bytes, bytes.length)).toBe(-1);
    const error = systemError(libc, "connect", "@a\0b");
    closeSync(fd);
    expect(error).toMatchObject({ code: "ECONNREFUSED", syscall: "connect", message: "connect ECONNREFUSED @a\\x00b" });
    expect(error.errno).toBeLessThan(0);
  });
});

test("an abstract address without the C library is refused with the way out", () => {
  const why = new Error("no such\nadd-on");
  const error = needsLinux("@podbus", why);
  expect(error).toBeInstanceOf(PodbusError);
  expect(error.code).toBe("bad_address");
  expect(error.message).toMatch(/^@podbus can't be used here: .*no such\\x0aadd-on.*PODBUS_ADDRESS=\.\/podbus\.sock$/);
  expect(error.cause).toBe(why);
});

import { expect, test } from "vitest";

import { parseSocketTable } from "../../../../shared/os/socket-table.ts";

const HEAD = "Num       RefCount Protocol Flags    Type St Inode Path\n";

test("an empty table has no rows", () => {
  expect(parseSocketTable(HEAD)).toEqual([]);
  expect(parseSocketTable("")).toEqual([]);
});

test("each state and type is told", () => {
  const text =
    HEAD +
    "ffff8a0c1b2d4c00: 00000002 00000000 00010000 0001 01 81234 @podbus\n" +
    "ffff8a0c1b2d5000: 00000003 00000000 00000000 0001 03 81240 @podbus\n" +
    "ffff8a0c1b2d5400: 00000002 00000000 00000000 0001 02     0 @podbus\n" +
    "0000000000000000: 00000003 00000000 00000000 0001 03 81239\n" +
    "0000000000000000: 00000002 00000000 00000000 0002 01   912 /run/systemd/notify\n" +
    "0000000000000000: 00000002 00000000 00010000 0005 01 4294967295 /run/udev/control\n";
  expect(parseSocketTable(text)).toEqual([
    { inode: 81234, type: "stream", state: "listening", name: "@podbus" },
    { inode: 81240, type: "stream", state: "connected", name: "@podbus" },
    { inode: 0, type: "stream", state: "waiting", name: "@podbus" },
    { inode: 81239, type: "stream", state: "connected", name: undefined },
    { inode: 912, type: "dgram", state: "bound", name: "/run/systemd/notify" },
    { inode: 4294967295, type: "seqpacket", state: "listening", name: "/run/udev/control" },
  ]);
});

test("names keep their blanks, and line feeds, which the kernel writes as they are", () => {
  const text =
    HEAD +
    "0000000000000000: 00000002 00000000 00010000 0001 01 11 @ two  blanks \n" +
    "0000000000000000: 00000002 00000000 00010000 0001 01 12 @first\n" +
    "second\n" +
    "\n" +
    "0000000000000000: 00000002 00000000 00010000 0001 01 13 @\n";
  expect(parseSocketTable(text).map(({ name }) => name)).toEqual(["@ two  blanks ", "@first\nsecond\n", "@"]);
});

test("what is no row and no rest of a name is passed over", () => {
  expect(parseSocketTable(`${HEAD}garbage\n`)).toEqual([]);
  expect(parseSocketTable(`${HEAD}0000000000000000: 00000003 00000000 00000000 0001 03 81239\ngarbage\n`)).toHaveLength(
    1,
  );
});

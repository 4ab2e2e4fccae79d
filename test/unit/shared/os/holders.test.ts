import { closeSync, fstatSync } from "node:fs";
import { expect, test } from "vitest";

import { connectFd } from "../../../../shared/os/connect.ts";
import { findHolders, parsePasswd } from "../../../../shared/os/holders.ts";
import { freshName, listening, parse } from "./support.ts";

test("a socket of this process is found, with what runs here and who runs it", async () => {
  const { address } = await listening(freshName());
  const fd = connectFd(parse(address))!;
  const inode = fstatSync(fd).ino;
  const holders = findHolders(new Set([inode]));
  closeSync(fd);
  const [own] = holders.get(inode)!;
  expect(own).toMatchObject({ pid: process.pid, uid: process.geteuid!() });
  expect(own!.command).not.toBe("");
  expect(own!.commandLine.length).toBeGreaterThan(0);
  expect(own!.user).not.toBe("?");
});

test("what nobody holds is missing", () => {
  expect(findHolders(new Set([0])).size).toBe(0);
  expect(findHolders(new Set()).size).toBe(0);
});

test("users are read from the text of an /etc/passwd", () => {
  const text =
    "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\n\n# none\nwww-data:x:33:33::/:/bin/false\nodd:x::1\n+\n";
  expect([...parsePasswd(text)]).toEqual([
    [0, "root"],
    [33, "www-data"],
  ]);
});

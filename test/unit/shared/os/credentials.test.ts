import { closeSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";

import { connectFd } from "../../../../shared/os/connect.ts";
import { credentialsProblem, isWholeMap, peerCredentials } from "../../../../shared/os/credentials.ts";
import { unixSocket } from "../../../../shared/os/libc.ts";
import { freshFolder, freshName, listening, nextConnection, parse, requireLibc } from "./support.ts";

const own = { uid: process.geteuid!(), gid: process.getegid!(), pid: process.pid };

/** The descriptor of a socket that Node accepted, which Node shows nowhere else. */
const fdOf = (socket: Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd;

test.each(["abstract", "file"])("both ends of a connection tell who the other is (%s)", async (kind) => {
  const { server, address } = await listening(kind === "abstract" ? freshName() : join(freshFolder(), "bus.sock"));
  const accepted = nextConnection(server);
  const fd = connectFd(parse(address))!;
  expect(peerCredentials(fd)).toEqual(own);
  expect(peerCredentials(fdOf(await accepted))).toEqual(own);
  closeSync(fd);
});

test("are still told after the peer has gone", async () => {
  const { server, address } = await listening(freshName());
  const accepted = nextConnection(server);
  closeSync(connectFd(parse(address))!);
  expect(peerCredentials(fdOf(await accepted))).toEqual(own);
});

test("of what has no peer are undefined", () => {
  const fd = unixSocket(requireLibc());
  expect(peerCredentials(fd)).toBeUndefined();
  closeSync(fd);
  const file = openSync("/dev/null", "r");
  expect(peerCredentials(file)).toBeUndefined();
  closeSync(file);
  expect(peerCredentials(-1)).toBeUndefined();
});

test("that they can be read is tried out", () => {
  expect(credentialsProblem()).toBeUndefined();
});

test.each([
  ["         0          0 4294967295\n", true],
  ["0 100000 65536\n", false],
  ["0 0 1000\n1000 1000 4294966295\n", true],
  ["", false],
])("whether %j leaves no uid without a number: %s", (map, isWhole) => {
  expect(isWholeMap(map)).toBe(isWhole);
});

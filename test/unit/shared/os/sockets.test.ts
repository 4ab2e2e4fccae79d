import { once } from "node:events";
import { closeSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";

import { connectFd } from "../../../../shared/os/connect.ts";
import { parseSocketTable } from "../../../../shared/os/socket-table.ts";
import { groupSockets, listSockets, type SocketInfo } from "../../../../shared/os/sockets.ts";
import { freshFolder, freshName, listening, nextConnection, parse } from "./support.ts";

const PADDED = `@old${"@".repeat(104)}`;

const TABLE = [
  "Num       RefCount Protocol Flags    Type St Inode Path",
  "0000000000000000: 00000003 00000000 00000000 0001 03 20",
  "0000000000000000: 00000002 00000000 00010000 0001 01 21 /run/app.sock",
  "0000000000000000: 00000003 00000000 00000000 0001 03 22 @podbus",
  "0000000000000000: 00000002 00000000 00010000 0001 01 23 @podbus",
  "0000000000000000: 00000003 00000000 00000000 0001 03 24 @podbus",
  "0000000000000000: 00000002 00000000 00000000 0001 02     0 @podbus",
  "0000000000000000: 00000002 00000000 00000000 0002 01 25 @podbus",
  `0000000000000000: 00000002 00000000 00010000 0001 01 26 ${PADDED}`,
  "0000000000000000: 00000002 00000000 00010000 0001 01 27 @old",
  "0000000000000000: 00000003 00000000 00000000 0001 03 28 @gone",
  "0000000000000000: 00000002 00000000 00010000 0001 01 29 @ends-with@@",
  "",
].join("\n");

describe("groupSockets", () => {
  const groups = groupSockets(parseSocketTable(TABLE));
  const find = (address: string, type: SocketInfo["type"] = "stream", padding = 0) =>
    groups.find(({ info }) => info.address === address && info.type === type && info.padding === padding);

  test("gathers a listener and its connections, and counts those", () => {
    expect(find("@podbus")).toEqual({
      info: {
        address: "@podbus",
        abstract: true,
        padding: 0,
        type: "stream",
        state: "listening",
        connections: 2,
        waiting: 1,
      },
      inodes: [23],
    });
  });

  test("keeps types apart", () => {
    expect(find("@podbus", "dgram")).toMatchObject({ info: { state: "bound", connections: 0 }, inodes: [25] });
  });

  test("keeps a padded name apart from the exact one", () => {
    expect(find("@old")).toMatchObject({ inodes: [27] });
    expect(find("@old", "stream", 104)).toMatchObject({ inodes: [26] });
    expect(find("@ends-with@@")).toMatchObject({ info: { padding: 0 } });
  });

  test("shows connections whose listener has gone", () => {
    expect(find("@gone")).toMatchObject({ info: { state: "connected", connections: 1 }, inodes: [28] });
  });

  test("lists listening ones first, by address, and file-system ones only when asked", () => {
    const addresses = (all: boolean) => groupSockets(parseSocketTable(TABLE), { all }).map(({ info }) => info.address);
    expect(addresses(false)).toEqual(["@ends-with@@", "@old", "@old", "@podbus", "@gone", "@podbus"]);
    expect(addresses(true)).toEqual(["/run/app.sock", "@ends-with@@", "@old", "@old", "@podbus", "@gone", "@podbus"]);
  });

  test("takes a name of NULs alone as one", () => {
    const [group] = groupSockets([{ inode: 1, type: "stream", state: "listening", name: "@".repeat(108) }]);
    expect(group!.info).toMatchObject({ address: "@", padding: 107 });
  });
});

describe("listSockets", () => {
  const find = (address: string, all = false) => listSockets({ all }).find((socket) => socket.address === address);

  test("tells the holder, and how many are connected, without connecting", async () => {
    const { server, address } = await listening(freshName());
    const accepted = nextConnection(server);
    const fds = [connectFd(parse(address))!];
    await accepted;
    fds.push(connectFd(parse(address))!);
    const info = find(address);
    for (const fd of fds) closeSync(fd);
    expect(info).toMatchObject({
      abstract: true,
      padding: 0,
      type: "stream",
      state: "listening",
      connections: 1,
      waiting: 1,
    });
    expect(info!.holders.map(({ pid }) => pid)).toEqual([process.pid]);
  });

  test("has file-system sockets only when asked", async () => {
    const { address } = await listening(join(freshFolder(), "bus.sock"));
    expect(find(address)).toBeUndefined();
    expect(find(address, true)).toMatchObject({ abstract: false, padding: 0, state: "listening" });
  });

  test("shows what Node itself binds under its name, padded or not", async () => {
    const name = freshName();
    const server = createServer().listen(`\0${name.slice(1)}`);
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const padding = Number(process.versions.node.split(".")[0]) < 22 ? 108 - name.length : 0;
    expect(find(name)).toMatchObject({ state: "listening", padding });
  });
});

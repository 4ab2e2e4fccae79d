import { expect, test } from "vitest";

import { checkName, type NameFacts } from "../../../../cli/doctor/name.ts";
import { parseAddress } from "../../../../shared/address.ts";
import type { SocketInfo } from "../../../../shared/os/sockets.ts";

const HOLDER = { pid: 7, command: "node", commandLine: ["node"], uid: 0, user: "root", container: undefined };
const SOCKET: SocketInfo = {
  address: "@podbus",
  abstract: true,
  padding: 0,
  type: "stream",
  state: "listening",
  connections: 2,
  waiting: 0,
  holders: [HOLDER],
};
const GREETING = { protocol: 1, broker: "b", auth: "none" };

const states = (some: Partial<NameFacts>): [check: string, state: string, says: string, advised: boolean][] =>
  checkName({
    address: parseAddress("@podbus"),
    sockets: [],
    listener: undefined,
    greeting: undefined,
    client: undefined,
    uid: 1000,
    ...some,
  }).map(({ check, state, says, advice }) => [check, state, says, advice !== undefined]);

test("a free name", () => {
  expect(states({})).toEqual([["name", "ok", expect.stringMatching(/^@podbus is free: nobody/), false]]);
  const other = { ...SOCKET, address: "@podbus2" };
  expect(states({ sockets: [other] })).toEqual([["name", "ok", expect.stringMatching(/is free/), false]]);
  const left = { ...SOCKET, state: "connected" as const };
  expect(states({ sockets: [left] })).toEqual([
    ["name", "ok", expect.stringMatching(/2 connections .* live on/), false],
  ]);
});

test("a broker that lets us in, of our own uid and of another", () => {
  const taken = { sockets: [SOCKET], greeting: GREETING, client: { connected: true } as const };
  expect(states({ ...taken, listener: { uid: 1000, gid: 0, pid: 7 } })).toEqual([
    ["name", "ok", "@podbus is taken by node (pid 7, user root)", false],
    ["broker", "ok", expect.stringMatching(/protocol 1 .* lets uid 1000 in/), false],
  ]);
  expect(states({ ...taken, listener: { uid: 1001, gid: 0, pid: 7 } })[1]).toEqual([
    "broker",
    "warning",
    expect.stringMatching(/another uid \(1001\)/),
    true,
  ]);
});

test("one whose process can't be seen is told by the kernel's word", () => {
  const [name] = states({
    sockets: [{ ...SOCKET, holders: [] }],
    listener: { uid: 1001, gid: 5, pid: 0 },
    greeting: GREETING,
    client: { connected: true },
  });
  expect(name![2]).toBe("@podbus is taken by a process of uid 1001 (in another container or pid namespace)");
});

test("a broker that refuses, and somebody who is no broker", () => {
  const listener = { uid: 0, gid: 0, pid: 7 };
  const refused = { code: "not_allowed", message: "uid 1000 is not allowed: start the broker with --allow uid:1000" };
  expect(states({ sockets: [SOCKET], listener, client: refused })[1]).toEqual([
    "broker",
    "problem",
    expect.stringMatching(/does not let this process in: .*--allow uid:1000/),
    true,
  ]);
  // It may be this process that refuses, and an impostor that has the name.
  const unproved = { code: "bad_auth", message: "whoever listens there could not prove that it has the secret" };
  expect(states({ sockets: [SOCKET], listener, greeting: GREETING, client: unproved })[1]).toEqual([
    "broker",
    "problem",
    expect.stringMatching(/^who listens on @podbus greets as a broker, but .*could not prove/),
    true,
  ]);
  const silent = { code: "timeout", message: "nothing came" };
  expect(states({ sockets: [SOCKET], listener, client: silent })[1]).toEqual([
    "broker",
    "problem",
    expect.stringMatching(/does not greet as a broker/),
    true,
  ]);
});

test("a name that is bound and accepts nobody, a padded one, and sockets that can't be listed", () => {
  expect(states({ sockets: [{ ...SOCKET, state: "bound" }] })).toEqual([
    ["name", "problem", expect.stringMatching(/taken by node .* nobody accepts there \(bound\)/), true],
  ]);
  expect(states({ sockets: [{ ...SOCKET, padding: 100 }] })).toEqual([
    ["name", "warning", expect.stringMatching(/is free, but node .* 100 NULs/), true],
  ]);
  expect(states({ sockets: "they can't be read" })).toEqual([
    ["name", "warning", expect.stringMatching(/nobody accepts on @podbus, and they can't be read/), false],
  ]);
});

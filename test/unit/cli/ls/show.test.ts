import { expect, test } from "vitest";

import { showSockets } from "../../../../cli/ls/show.ts";
import type { SocketInfo } from "../../../../shared/os/sockets.ts";

const socket = (fields: Partial<SocketInfo>): SocketInfo => ({
  address: "@podbus",
  abstract: true,
  padding: 0,
  type: "stream",
  state: "listening",
  connections: 2,
  waiting: 0,
  holders: [],
  ...fields,
});
const holder = {
  pid: 7,
  command: "node",
  commandLine: ["podbus", "serve"],
  uid: 0,
  user: "root",
  container: { id: "0123456789abcdef".repeat(4), runtime: "docker" as const, pod: undefined },
};

test("marks brokers, names who holds each, and says where that can't be seen", () => {
  const text = showSockets([
    {
      socket: socket({ holders: [holder, { ...holder, pid: 8, container: undefined }] }),
      greeting: { protocol: 1, broker: "podbus", auth: "none" },
    },
    { socket: socket({ address: "@x\u001B", padding: 3, waiting: 1 }), greeting: undefined },
    {
      socket: socket({ address: "@other" }),
      greeting: { protocol: undefined, broker: undefined, auth: undefined, refused: "not_allowed" },
    },
    { socket: socket({ address: "/a", state: "bound", type: "dgram" }), greeting: undefined },
  ]);
  expect(text.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
    ["ADDRESS", "STATE", "CLIENTS", "BROKER", "PID", "USER", "CONTAINER", "COMMAND"],
    ["@podbus", "listening", "2", "protocol 1", "7", "root", "0123456789ab", "podbus serve"],
    ["", "8", "root", "-", "podbus serve"],
    [
      "@x\\x1b (+3 NUL)",
      "listening",
      "2 (+1 waiting)",
      "-",
      "?",
      "?",
      "?",
      "(not to be seen by this user, or from this container)",
    ],
    [
      "@other",
      "listening",
      "2",
      "refuses: not_allowed",
      "?",
      "?",
      "?",
      "(not to be seen by this user, or from this container)",
    ],
    ["/a", "bound dgram", "2", "-", "?", "?", "?", "(not to be seen by this user, or from this container)"],
    [""],
  ]);
});

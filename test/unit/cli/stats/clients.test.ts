import { expect, test } from "vitest";

import { type Client, clientList } from "../../../../cli/stats/clients.ts";

const client: Client = {
  client: 7,
  name: "billing\u001B[2J",
  identity: "billing",
  uid: 1001,
  gid: 2000,
  pid: 42,
  container: { id: "0123456789abcdef".repeat(4), runtime: "cri-o" },
  connectedMs: 61_000,
  subscriptions: 2,
  published: 1234,
  heldBytes: 0,
};

test("who each is, in columns; what is not known is a dash", () => {
  const lines = clientList([
    client,
    { ...client, client: 8, name: null, identity: null, pid: 0, container: null },
    { ...client, client: 9, container: { ...client.container!, runtime: null } },
  ]).split("\n");
  expect(lines).toHaveLength(5);
  expect(lines[0]).toMatch(/^CLIENT +NAME +IDENTITY +UID +GID +PID +CONTAINER +FOR +/);
  expect(lines[1]).toMatch(
    /^7 +billing\\x1b\[2J +billing +1001 +2000 +42 +cri-o 0123456789ab +1 m 1 s +2 +1,234 +0 B$/,
  );
  expect(lines[2]).toMatch(/^8 +- +- +1001 +2000 +- +- +1 m/);
  expect(lines[3]).toMatch(/ 42 +0123456789ab +1 m/);
});

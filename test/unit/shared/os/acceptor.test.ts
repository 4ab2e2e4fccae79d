import { closeSync, readdirSync } from "node:fs";
import { Socket } from "node:net";
import { expect, test } from "vitest";

import { connectFd, connectSocket } from "../../../../shared/os/connect.ts";
import { freshName, kernelRows, listening, nextConnection, parse, readAll } from "./support.ts";

/** How many connect before one finds the backlog full. Those who did are gone again. */
function fills(address: string): number {
  const fds: number[] = [];
  try {
    for (;;) fds.push(connectFd(parse(address))!);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe("EAGAIN");
  }
  for (const fd of fds) closeSync(fd);
  return fds.length;
}

test("by hand whoever connects waits until it is taken, in turn; by Node again, the rest comes as ever", async () => {
  const { server, acceptor, address } = await listening(freshName());
  let emitted = 0;
  server.on("connection", () => emitted++);
  acceptor!.byHand();
  expect(acceptor!.next()).toBeUndefined();
  const clients = [await connectSocket(parse(address)), await connectSocket(parse(address))];
  clients[0]!.end("first");
  clients[1]!.end("second");
  const served = new Socket({ fd: acceptor!.next()!, allowHalfOpen: true });
  expect(await readAll(served)).toBe("first");
  expect(emitted).toBe(0);
  served.end("answer");
  expect(await readAll(clients[0]!)).toBe("answer");

  const accepted = nextConnection(server);
  acceptor!.byNode();
  expect(await readAll(await accepted)).toBe("second");
  expect(acceptor!.next()).toBeUndefined();
  for (const client of clients) client.destroy();
});

test("by hand few wait, by Node as many as before", async () => {
  const { acceptor, address } = await listening(freshName(), { backlog: 600 });
  acceptor!.byHand();
  expect(fills(address)).toBe(129);
  for (let fd = acceptor!.next(); fd !== undefined; fd = acceptor!.next()) closeSync(fd);
  acceptor!.byNode();
  expect(fills(address)).toBe(601);
});

test("the name is free once it is closed by hand, and no descriptor is left", async () => {
  const name = freshName();
  const before = readdirSync("/proc/self/fd").length;
  const first = await listening(name);
  for (let i = 0; i < 10; i++) {
    first.acceptor!.byHand();
    first.acceptor!.byNode();
  }
  first.acceptor!.byHand();
  first.close();
  first.close();
  expect(first.acceptor!.next()).toBeUndefined();
  expect(kernelRows(name)).toHaveLength(0);
  expect(readdirSync("/proc/self/fd")).toHaveLength(before);
  const second = await listening(name);
  (await connectSocket(parse(second.address))).destroy();
});

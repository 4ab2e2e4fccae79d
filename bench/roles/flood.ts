// Floods a broker with connections that send garbage: each sends what is no HELLO, waits to be closed, or goes at once, and another
// takes its place. It counts those that were made.

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { parseAddress } from "../../shared/address.ts";
import { connectSocket } from "../../shared/os/connect.ts";
import type { Role } from "./role.ts";

export interface FloodParams {
  readonly address: string;
  /** Connections at once. */
  readonly connections: number;
  /** Garbage that each sends, in bytes. */
  readonly bytes: number;
}

/** Is told `go`, then `stop`. Resolves with how many connections there were. */
export const flood: Role<FloodParams, number> = async ({ address, connections, bytes }, control) => {
  const target = parseAddress(address);
  const garbage = Buffer.from(Array.from({ length: bytes }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24));
  let made = 0;
  const over = new AbortController();
  control.ready();
  await control.told("go");
  void control.told("stop").then(() => {
    over.abort();
  });
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (!over.signal.aborted) {
        try {
          const socket = await connectSocket(target);
          made++;
          socket.on("error", () => {});
          socket.resume();
          socket.end(garbage);
          await once(socket, "close");
        } catch {
          await sleep(1); // the backlog is full
        }
      }
    }),
  );
  return made;
};

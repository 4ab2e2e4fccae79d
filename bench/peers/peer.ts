// A server that the bus is compared with: which program it is, and how it is started on an address of its own.

import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";

import type { Program } from "../programs.ts";

export interface Peer {
  readonly program: Program;
  /** Chooses an address, and says how to serve there. What it puts in `folder` goes with the stage. */
  place(folder: string): Promise<{ readonly address: string; readonly args: readonly string[] }>;
}

/** Host and port of the loopback interface that nothing listens on. */
export async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { address, port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `${address}:${port}`;
}

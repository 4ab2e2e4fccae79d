// What the tests of sockets share: names and folders of their own, and everything closed at the end of each test.

import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

import { parseAddress, type Address } from "../../../../shared/address.ts";
import { loadLibc, type Libc } from "../../../../shared/os/libc.ts";
import { listen, type Listening, type ListenOptions } from "../../../../shared/os/listen.ts";

let count = 0;

/** An abstract address that no other test and no other run of the tests has. */
export const freshName = (): string => `@podbus-test-${process.pid}-${++count}`;

/** A folder for this test, removed when it ends. */
export function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "podbus-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

export const parse = (text: string): Address => parseAddress(text, { autobind: true });

/** The C library, which the tests can't do without. */
export function requireLibc(): Libc {
  const libc = loadLibc();
  if (libc instanceof Error) throw libc;
  return libc;
}

/** Listens until the test ends. Connections that nobody takes are destroyed with it. */
export async function listening(text: string, options?: ListenOptions): Promise<Listening> {
  const result = await listen(parse(text), options);
  closeLater(result);
  return result;
}

export function closeLater(result: Listening): void {
  const sockets = new Set<Socket>();
  result.server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  onTestFinished(() => {
    result.close();
    for (const socket of sockets) socket.destroy();
  });
}

/** The next connection, as the server hands it out. Ask for it before connecting. */
export async function nextConnection(server: Server): Promise<Socket> {
  const [socket] = (await once(server, "connection")) as [Socket];
  return socket;
}

/** All that comes until the peer closes its writing side. The socket stays. */
export async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.resume();
  await once(socket, "end");
  return text;
}

/** The lines of /proc/net/unix that end with `name` exactly, NULs shown as `@`. */
export const kernelRows = (name: string): string[] =>
  readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .filter((line) => line.endsWith(` ${name}`));

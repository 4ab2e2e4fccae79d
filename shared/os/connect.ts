// Connects to a broker's socket by its exact name. Knows nothing of what is spoken there, nor of trying again: who calls it
// decides by the error's `code` ("ECONNREFUSED": nobody listens, "ENOENT": no such file, "EAGAIN": the broker's backlog is
// full). On Linux a unix socket connects at once or not at all, so there is nothing to wait for.

import { closeSync } from "node:fs";
import { connect, Socket, type OnReadOpts } from "node:net";

import type { Address } from "../address.ts";
import { PodbusError } from "../errors.ts";
import { loadLibc, systemError, unixAddress, unixSocket } from "./libc.ts";
import { needsLinux } from "./need-linux.ts";

export interface ConnectOptions {
  /** A buffer to read into again and again, and who is told. Without it, the socket is an ordinary stream. */
  readonly onread?: OnReadOpts;
}

/**
 * A socket that is connected to `address`, half-open allowed. Rejects with the system's error, which has a `code`; with
 * `bad_address` where this system has no such sockets. Attach its listeners in the turn in which it resolves.
 */
export async function connectSocket(address: Address, options: ConnectOptions = {}): Promise<Socket> {
  const fd = connectFd(address);
  if (fd === undefined) return connectPath(address.text, options);
  try {
    return new Socket({ ...options, fd, allowHalfOpen: true, readable: true, writable: true });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * A descriptor, non-blocking and close-on-exec, that is connected to `address`; undefined for a path on a system where only
 * Node can connect to it. Throws as {@link connectSocket} rejects.
 */
export function connectFd(address: Address): number | undefined {
  if (address.kind === "autobind")
    throw new PodbusError("bad_address", "@ alone is for a broker; connect to the name that it tells");
  const libc = loadLibc();
  if (libc instanceof Error) {
    if (address.kind === "file") return undefined;
    throw needsLinux(address.text, libc);
  }
  const fd = unixSocket(libc);
  const bytes = unixAddress(address);
  if (libc.connect(fd, bytes, bytes.length) < 0) {
    const error = systemError(libc, "connect", address.text);
    closeSync(fd);
    throw error;
  }
  return fd;
}

/** The way of every other system. Exported for its test. */
export function connectPath(path: string, options: ConnectOptions = {}): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, path, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

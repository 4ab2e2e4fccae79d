// The few functions of the C library that Node has no way to call, bound with koffi: Node 20 pads abstract names, no Node reads
// SO_PEERCRED, none sets a backlog above 511 on a descriptor, and none stops accepting for a while. Loaded when first needed, and on Linux alone: about 8 ms and
// 3 MiB, once a process. Structures are plain bytes, little-endian as on every machine that koffi runs on.

import { createRequire } from "node:module";
import { getSystemErrorName } from "node:util";

import { printable } from "../printable.ts";

/** Each returns -1 where it failed; {@link Libc.errno} then says why, until the next call. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, fds: Uint8Array): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: null, length: null, flags: number): number;
  fcntl(fd: number, operation: number, type: "int", argument: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number;
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, length: Uint8Array): number;
  flock(fd: number, operation: number): number;
  errno(): number;
}

export const SOL_SOCKET = 1;
/** The one constant here that differs between the machines that Node and koffi both run on. */
export const SO_PEERCRED: number = process.arch === "ppc64" ? 21 : 17;
/** `flock`: exclusive, and not waiting for it. */
export const LOCK_EX_NB = 6;

const F_DUPFD_CLOEXEC = 1030;
const AF_UNIX = 1;
const SOCK_STREAM = 0x1;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x8_0000;

let loaded: Libc | Error | undefined;

/** The C library, or an error that says why it can't be had here: not Linux, or no koffi for this machine. */
export function loadLibc(): Libc | Error {
  loaded ??=
    process.platform === "linux" ? bindAll() : new Error(`libc is used on Linux only, and this is ${process.platform}`);
  return loaded;
}

function bindAll(): Libc | Error {
  try {
    // Through require: it loads in less time and memory than the ES module of the same package.
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    // What Node itself is linked with, so glibc and musl alike.
    const self = koffi.load(null);
    return {
      socket: self.func("int socket(int, int, int)"),
      socketpair: self.func("int socketpair(int, int, int, void *)"),
      bind: self.func("int bind(int, const void *, uint32_t)"),
      connect: self.func("int connect(int, const void *, uint32_t)"),
      listen: self.func("int listen(int, int)"),
      accept4: self.func("int accept4(int, void *, void *, int)"),
      fcntl: self.func("int fcntl(int, int, ...)"),
      getsockname: self.func("int getsockname(int, void *, void *)"),
      getsockopt: self.func("int getsockopt(int, int, int, void *, void *)"),
      flock: self.func("int flock(int, int)"),
      errno: () => koffi.errno(),
    } as Libc;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** A new stream socket: non-blocking, and closed in programs that this process starts. */
export function unixSocket(libc: Libc): number {
  const fd = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError(libc, "socket", "");
  return fd;
}

/** One that waits to be accepted, non-blocking and close-on-exec; undefined where nobody does, or none can be had. */
export function acceptedFd(libc: Libc, listener: number): number | undefined {
  const fd = libc.accept4(listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return fd < 0 ? undefined : fd;
}

/** Another descriptor of the same socket, close-on-exec. */
export function duplicateFd(libc: Libc, fd: number): number {
  const duplicate = libc.fcntl(fd, F_DUPFD_CLOEXEC, "int", 0);
  if (duplicate < 0) throw systemError(libc, "fcntl", "");
  return duplicate;
}

/** Two stream sockets that are connected to each other. */
export function unixSocketPair(libc: Libc): [number, number] {
  const fds = Buffer.alloc(8);
  if (libc.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) throw systemError(libc, "socketpair", "");
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}

/**
 * A `sockaddr_un` of exactly the length that its name needs: an abstract one ends with its last byte, a path with a NUL, and
 * one of no name is the family alone, which has `bind` pick one.
 */
export function unixAddress(address: { name: string } | { path: string } | undefined): Uint8Array {
  const name = address === undefined ? "" : "name" in address ? `\0${address.name}` : `${address.path}\0`;
  const bytes = Buffer.alloc(2 + Buffer.byteLength(name));
  bytes.writeUInt16LE(AF_UNIX);
  bytes.write(name, 2);
  return bytes;
}

/** The abstract name that the socket is bound to. */
export function abstractNameOf(libc: Libc, fd: number): string {
  const address = Buffer.alloc(2 + 108);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  if (libc.getsockname(fd, address, length) < 0) throw systemError(libc, "getsockname", "");
  return address.toString("utf8", 3, length.readUInt32LE());
}

/** The error of the call that just failed, in the form that Node gives its own: `code`, `errno`, `syscall`. */
export function systemError(libc: Libc, syscall: string, address: string): NodeJS.ErrnoException {
  const errno = -libc.errno();
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${syscall} ${code} ${printable(address)}`.trimEnd()), { code, errno, syscall });
}

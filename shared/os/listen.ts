// Makes the socket that a broker listens on: an abstract one by its exact name on every Node (Node 20 itself would pad it with
// NULs, and nobody else could connect), or one in the file system. Knows nothing of what is spoken there. The name of an
// abstract socket is free again as soon as its listener is closed; a file is removed by `close`.

import { chmodSync, closeSync, fchmodSync, lstatSync, unlinkSync, type Stats } from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname, resolve } from "node:path";

import type { Address } from "../address.ts";
import { PodbusError } from "../errors.ts";
import { printable } from "../printable.ts";
import { Acceptor } from "./acceptor.ts";
import { connectSocket } from "./connect.ts";
import { lockDirectory } from "./directory-lock.ts";
import { abstractNameOf, loadLibc, systemError, unixAddress, unixSocket, type Libc } from "./libc.ts";
import { needsLinux } from "./need-linux.ts";

export interface ListenOptions {
  /** Connections that may wait to be accepted; the system's `somaxconn` caps it. @default 4096 */
  readonly backlog?: number;
}

export interface Listening {
  /** Hands out its connections paused, and half-open allowed. Attach to it in the turn in which `listen` resolves. */
  readonly server: Server;
  /** Accepts, and can do so by hand; undefined where only Node can: without the C library. */
  readonly acceptor: Acceptor | undefined;
  /** The address as clients write it: the name that the kernel picked where `@` was asked for. */
  readonly address: string;
  /** Stops accepting and frees the address at once. Connections live on; a second call does nothing. */
  close(): void;
}

export const DEFAULT_BACKLOG = 4096;

/** Owner and group may connect; others may not. */
const FILE_MODE = 0o660;

/** Listens on `address`. Rejects with `address_in_use`, with `bad_address`, or with `unavailable` where the system refuses. */
export async function listen(address: Address, { backlog = DEFAULT_BACKLOG }: ListenOptions = {}): Promise<Listening> {
  const libc = loadLibc();
  if (libc instanceof Error) {
    if (address.kind === "file") return listenPath(address.path, { backlog });
    throw needsLinux(address.text, libc);
  }
  if (address.kind === "file") return listenFile(libc, address.path, backlog);

  const fd = boundSocket(libc, address.text, (fd) => {
    const bytes = unixAddress(address.kind === "autobind" ? undefined : address);
    if (libc.bind(fd, bytes, bytes.length) < 0) throw systemError(libc, "bind", address.text);
  });
  const name = `@${abstractNameOf(libc, fd)}`;
  const { server, acceptor } = await serve(libc, fd, backlog, name);
  return { server, acceptor, address: name, close: () => acceptor.close() };
}

async function listenFile(libc: Libc, path: string, backlog: number): Promise<Listening> {
  // Absolute, because the working directory may be another by the time the file is removed.
  const absolute = resolve(path);
  const unlock = await lockDirectory(libc, dirname(absolute));
  if (unlock === undefined) throw taken(path, "another process keeps its directory locked");
  try {
    await removeStale(path);
    const fd = boundSocket(libc, path, (fd) => {
      // Before bind: the file then never has more than this mode, not even for a moment. The umask may take from it.
      fchmodSync(fd, FILE_MODE);
      const bytes = unixAddress({ path });
      if (libc.bind(fd, bytes, bytes.length) < 0) throw systemError(libc, "bind", path);
      chmodSync(absolute, FILE_MODE);
    });
    const own = lstatSync(absolute);
    const { server, acceptor } = await serve(libc, fd, backlog, path);
    const close = (): void => {
      // First the file, while the open socket still keeps its inode from being used again. One that can't be removed (its
      // directory became read-only) is replaced by the next broker.
      if (!acceptor.isClosed) removeIfSame(absolute, own);
      acceptor.close();
    };
    return { server, acceptor, address: path, close };
  } finally {
    unlock();
  }
}

/** The way of every system but Linux, where Node itself does all of it. Exported for its test. */
export async function listenPath(path: string, { backlog = DEFAULT_BACKLOG }: ListenOptions = {}): Promise<Listening> {
  await removeStale(path);
  const server = newServer();
  const failure = await started(server, () => server.listen({ path, backlog, exclusive: true }));
  if (failure !== undefined) throw refused(path, failure);
  chmodSync(path, FILE_MODE);
  // Node removes the file itself.
  return { server, acceptor: undefined, address: path, close: () => stop(server) };
}

const newServer = (): Server => createServer({ pauseOnConnect: true, allowHalfOpen: true });

function stop(server: Server): void {
  // To close one that is closed would have it emit "close" once more.
  if (server.listening) server.close();
}

/** Has Node accept on a descriptor that is bound, and taken over. */
async function serve(
  libc: Libc,
  fd: number,
  backlog: number,
  address: string,
): Promise<{ server: Server; acceptor: Acceptor }> {
  const server = newServer();
  const acceptor = new Acceptor(libc, fd, backlog, server);
  let failure: NodeJS.ErrnoException | undefined;
  try {
    failure = await started(server, () => acceptor.byNode());
  } catch (error) {
    failure = error as NodeJS.ErrnoException;
  }
  if (failure === undefined) return { server, acceptor };
  acceptor.close();
  throw unavailable(address, failure);
}

/** Undefined once the server listens, or why it does not. */
function started(server: Server, start: () => void): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    server.once("error", resolve);
    server.once("listening", () => {
      server.off("error", resolve);
      resolve(undefined);
    });
    start();
  });
}

/** Removes a socket file on which nobody accepts. Throws `address_in_use` for anything else. */
async function removeStale(path: string): Promise<void> {
  const absolute = resolve(path);
  const file = statOf(absolute);
  if (file === undefined) return;
  if (!file.isSocket()) throw taken(path, "the file there is not a socket");
  try {
    (await connectSocket({ kind: "file", path, text: path })).destroy();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code === "ECONNREFUSED") {
      const failure = removeIfSame(absolute, file);
      if (failure === undefined) return;
      throw taken(path, `nobody accepts there, and the old file can't be removed (${failure.code})`, failure);
    }
    // EAGAIN: it listens, and is busy. Anything else: nobody can say that it does not.
    throw taken(path, code === "EAGAIN" ? "another process listens there" : `what is there can't be asked (${code})`);
  }
  throw taken(path, "another process listens there");
}

function removeIfSame(path: string, { dev, ino }: Stats): NodeJS.ErrnoException | undefined {
  const file = statOf(path);
  if (file === undefined || file.dev !== dev || file.ino !== ino) return undefined;
  try {
    unlinkSync(path);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

/** Undefined where there is nothing, and where that can't be told: `bind` then says why. */
function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/** A new socket after `bind`, which throws the system's error. */
function boundSocket(libc: Libc, address: string, bind: (fd: number) => void): number {
  let fd: number;
  try {
    fd = unixSocket(libc);
  } catch (error) {
    throw unavailable(address, error as NodeJS.ErrnoException);
  }
  try {
    bind(fd);
  } catch (error) {
    closeSync(fd);
    throw refused(address, error as NodeJS.ErrnoException);
  }
  return fd;
}

const taken = (address: string, why: string, cause?: Error): PodbusError =>
  new PodbusError(
    "address_in_use",
    `${printable(address)} is taken: ${why}; stop what holds it (podbus ls shows it), or choose another address`,
    cause && { cause },
  );

const unavailable = (address: string, cause: NodeJS.ErrnoException): PodbusError =>
  new PodbusError(
    "unavailable",
    `can't listen on ${printable(address)}: ${cause.syscall ?? "listen"} failed with ${cause.code}`,
    {
      cause,
    },
  );

const REMEDIES: Record<string, string> = {
  EACCES: "this user may not write to its directory; choose one that it may",
  EROFS: "its file system is read-only; choose a directory that can be written",
  ENOENT: "its directory does not exist; create it first",
  ENOTDIR: "a part of its path is not a directory; choose another path",
};

function refused(address: string, cause: NodeJS.ErrnoException): PodbusError {
  if (cause.code === "EADDRINUSE") return taken(address, "another process listens there", cause);
  const remedy = REMEDIES[cause.code ?? ""] ?? "choose another address";
  return new PodbusError("bad_address", `can't listen on ${printable(address)} (${cause.code}): ${remedy}`, { cause });
}

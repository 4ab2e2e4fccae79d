// Who is at the other end of a unix socket, by the kernel's word (SO_PEERCRED). Works on both ends: an accepted socket tells who
// connected, a connected one who called listen(). What follows from it is not decided here.

import { closeSync, readFileSync } from "node:fs";

import { loadLibc, SO_PEERCRED, SOL_SOCKET, unixSocketPair } from "./libc.ts";

/** As this process's namespaces see them: a pid of another pid namespace is 0, an unmapped uid or gid 65534. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** What the kernel gives for a socket that has no peer. */
const NOBODY = 0xffff_ffff;

/** The credentials of the peer at the time it connected (or listened); undefined where the system can't tell. */
export function peerCredentials(fd: number): Credentials | undefined {
  const libc = loadLibc();
  if (libc instanceof Error) return undefined;
  const value = Buffer.alloc(12);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(value.length);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, value, length) < 0) return undefined;
  const uid = value.readUInt32LE(4);
  if (uid === NOBODY) return undefined;
  return { uid, gid: value.readUInt32LE(8), pid: value.readInt32LE(0) };
}

/** Why peers' credentials can't be read here; undefined where they can. Tried on two sockets of this process's own. */
export function credentialsProblem(): string | undefined {
  const libc = loadLibc();
  if (libc instanceof Error) return libc.message;
  try {
    const pair = unixSocketPair(libc);
    const own = peerCredentials(pair[0]);
    for (const fd of pair) closeSync(fd);
    return own?.uid === process.geteuid?.()
      ? undefined
      : "the kernel does not tell who is at the other end of a socket";
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whether every uid has a number here, so that {@link UNMAPPED_ID} is one user and not all that have none. */
export function isEveryUidMapped(): boolean {
  try {
    return isWholeMap(readFileSync("/proc/self/uid_map", "utf8"));
  } catch {
    return false;
  }
}

/** Whether the text of a `uid_map` has all uids but the last, which stands for none. Exported for its test. */
export function isWholeMap(text: string): boolean {
  const counts = text
    .trim()
    .split("\n")
    .map((line) => Number(line.trim().split(/\s+/)[2]));
  return counts.reduce((sum, count) => sum + count, 0) >= NOBODY;
}

// Finds the processes that hold given sockets, by looking through /proc/PID/fd. Sees what this user may see: processes of other
// users hide their descriptors, and those of other pid namespaces (containers of a pod, by default) are not there at all. That
// is no error: the holder is then unknown. Costs one readlink per open descriptor of the system; for commands, not for brokers.

import { readdirSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

import { attempt, readText } from "./attempt.ts";
import { containerOf, type Container } from "./container.ts";

export interface Holder {
  readonly pid: number;
  /** The program, without its folder. */
  readonly command: string;
  /** Program and arguments; empty where they can't be seen. */
  readonly commandLine: readonly string[];
  readonly uid: number | undefined;
  /** Name of the user, by /etc/passwd here; else the uid in digits. `?` where even that can't be seen. */
  readonly user: string;
  readonly container: Container | undefined;
}

/** Inode to those who hold it. Inodes that nobody visible holds are missing. */
export function findHolders(inodes: ReadonlySet<number>): Map<number, Holder[]> {
  const found = new Map<number, Holder[]>();
  if (inodes.size === 0) return found;
  const users = readUsers();
  for (const entry of attempt(() => readdirSync("/proc")) ?? []) {
    if (!/^\d+$/.test(entry)) continue;
    const pid = Number(entry);
    const held = socketsOf(pid, inodes);
    if (held.size === 0) continue;
    const holder = describeProcess(pid, users);
    for (const inode of held) {
      const others = found.get(inode);
      if (others === undefined) found.set(inode, [holder]);
      else others.push(holder);
    }
  }
  return found;
}

function socketsOf(pid: number, inodes: ReadonlySet<number>): Set<number> {
  const held = new Set<number>();
  for (const fd of attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
    const target = attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`));
    const inode = Number(/^socket:\[(\d+)\]$/.exec(target ?? "")?.[1] ?? -1);
    if (inodes.has(inode)) held.add(inode);
  }
  return held;
}

function describeProcess(pid: number, users: ReadonlyMap<number, string>): Holder {
  const read = (file: string): string => readText(`/proc/${pid}/${file}`);
  // Real, effective, saved, of the file system: the effective one is what peers see.
  const effective = /^Uid:\s+\d+\s+(\d+)/m.exec(read("status"))?.[1];
  const uid = effective === undefined ? undefined : Number(effective);
  const commandLine = read("cmdline").split("\0");
  if (commandLine.at(-1) === "") commandLine.pop();
  return {
    pid,
    // The kernel's own name is that of the thread, and cut: `node-MainThread` since Node 26.
    command: basename(commandLine[0] ?? "") || read("comm").replace(/\n$/, ""),
    commandLine,
    uid,
    user: uid === undefined ? "?" : (users.get(uid) ?? String(uid)),
    container: containerOf(pid),
  };
}

function readUsers(): Map<number, string> {
  return parsePasswd(readText("/etc/passwd"));
}

/** Uid to name, of the text of an /etc/passwd. Of several names for one uid the first counts, as for the C library. */
export function parsePasswd(text: string): Map<number, string> {
  const users = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name, , uid] = line.split(":");
    if (!name || !uid || !/^\d+$/.test(uid) || users.has(Number(uid))) continue;
    users.set(Number(uid), name);
  }
  return users;
}

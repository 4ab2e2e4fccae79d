// Lists the named unix sockets of this network namespace, each address once, with who holds it and how many are connected: what
// `podbus ls` shows, and what a command that finds no broker tells instead. Nobody is connected to for it: accepted sockets
// carry their listener's name in /proc/net/unix. Which of them are brokers is not known here.

import { readFileSync } from "node:fs";

import { MAX_ADDRESS_BYTES } from "../address.ts";
import { PodbusError } from "../errors.ts";
import { findHolders, type Holder } from "./holders.ts";
import { parseSocketTable, type SocketRow } from "./socket-table.ts";

export interface SocketInfo {
  /** `@name`, or the path as it was bound, which may be relative to a directory that only its holder knows. Not escaped. */
  readonly address: string;
  readonly abstract: boolean;
  /** NULs behind an abstract name up to its full length, as Node 20 writes them: reached only by who pads it likewise. */
  readonly padding: number;
  readonly type: SocketRow["type"];
  /** `connected`: nobody listens there any more, and accepted connections live on. `bound`: datagrams, or not listening yet. */
  readonly state: "listening" | "connected" | "bound";
  /** Connections that were accepted under this address: a broker's clients. */
  readonly connections: number;
  /** Connections that wait to be accepted. */
  readonly waiting: number;
  /** Who holds the listening socket, or any of them where nobody listens; empty when this user can't see it. */
  readonly holders: readonly Holder[];
}

export interface ListSocketsOptions {
  /** File-system sockets too. @default false: abstract ones only */
  readonly all?: boolean;
}

/** The sockets, listening ones first, by address. Throws `unavailable` where the system does not tell. */
export function listSockets({ all = false }: ListSocketsOptions = {}): SocketInfo[] {
  let text: string;
  try {
    text = readFileSync("/proc/net/unix", "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const message = `the sockets can't be listed: /proc/net/unix, which Linux has, can't be read here (${code})`;
    throw new PodbusError("unavailable", message, { cause });
  }
  const groups = groupSockets(parseSocketTable(text), { all });
  const holders = findHolders(new Set(groups.flatMap(({ inodes }) => inodes)));
  return groups.map(({ inodes, info }) => Object.assign(info, { holders: holdersOf(inodes, holders) }));
}

export interface SocketGroup {
  readonly info: Omit<SocketInfo, "holders">;
  /** The sockets whose holders count. */
  readonly inodes: readonly number[];
}

/** Gathers the sockets of one address and type. */
export function groupSockets(rows: readonly SocketRow[], { all = false }: ListSocketsOptions = {}): SocketGroup[] {
  const byAddress = new Map<string, SocketRow[]>();
  for (const row of rows) {
    if (row.name === undefined || (!all && !row.name.startsWith("@"))) continue;
    const key = `${row.type} ${row.name}`;
    const group = byAddress.get(key);
    if (group === undefined) byAddress.set(key, [row]);
    else group.push(row);
  }
  return [...byAddress.values()].map(describe).sort(inOrder);
}

function describe(rows: readonly SocketRow[]): SocketGroup {
  const { name, type } = rows[0]!;
  const count = (state: SocketRow["state"]): number => rows.filter((row) => row.state === state).length;
  const isListening = count("listening") > 0;
  const connections = count("connected");
  const holding = isListening ? rows.filter((row) => row.state === "listening") : rows;
  const abstract = name!.startsWith("@");
  const padding = abstract ? paddingOf(name!) : 0;
  return {
    info: {
      address: name!.slice(0, name!.length - padding),
      abstract,
      padding,
      type,
      state: isListening ? "listening" : connections > 0 ? "connected" : "bound",
      connections,
      waiting: count("waiting"),
    },
    inodes: holding.map((row) => row.inode).filter((inode) => inode !== 0),
  };
}

/** A name that fills the address to its last byte and ends with NULs was padded; a shorter one was meant as it is. */
function paddingOf(name: string): number {
  if (Buffer.byteLength(name) !== 1 + MAX_ADDRESS_BYTES) return 0;
  return name.length - Math.max(1, name.replace(/@+$/, "").length);
}

function inOrder({ info: a }: SocketGroup, { info: b }: SocketGroup): number {
  const listening = Number(b.state === "listening") - Number(a.state === "listening");
  return listening || Number(a.address > b.address) - Number(a.address < b.address) || a.padding - b.padding;
}

function holdersOf(inodes: readonly number[], holders: ReadonlyMap<number, readonly Holder[]>): Holder[] {
  const byPid = new Map<number, Holder>();
  for (const inode of inodes) for (const holder of holders.get(inode) ?? []) byPid.set(holder.pid, holder);
  return [...byPid.values()].sort((a, b) => a.pid - b.pid);
}

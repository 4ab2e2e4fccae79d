// Reads the text of /proc/net/unix: the unix sockets of one network namespace, one a line. Pure. The kernel writes each NUL of a
// name as `@`, so a name that holds an `@` can't be told from one that holds a NUL.

export interface SocketRow {
  /** 0 for a connection that waits to be accepted: nobody has it yet. */
  readonly inode: number;
  readonly type: "stream" | "dgram" | "seqpacket";
  /** `waiting`: connected by its peer, and not accepted yet. */
  readonly state: "listening" | "connected" | "waiting" | "bound";
  /** The name as the kernel shows it, abstract ones with `@` in front; undefined for a socket without one. */
  readonly name: string | undefined;
}

//             Num       RefCount Protocol Flags         Type          St            Inode   Path
const ROW = /^[0-9a-f]+: [0-9a-f]+ [0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) +(\d+)(?: (.*))?$/i;

const LISTENING = 0x1_0000;
const TYPES: Record<number, SocketRow["type"]> = { 1: "stream", 2: "dgram", 5: "seqpacket" };

/** `St` is a socket_state of the kernel: 1 unconnected, 2 connecting, 3 connected, 4 disconnecting. */
const CONNECTING = 2;
const CONNECTED = 3;

export function parseSocketTable(text: string): SocketRow[] {
  const rows: { inode: number; type: SocketRow["type"]; state: SocketRow["state"]; name: string | undefined }[] = [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines.slice(1)) {
    const found = ROW.exec(line);
    if (found !== null) {
      const [, flags, type, state, inode, name] = found;
      rows.push({
        inode: Number(inode),
        type: TYPES[Number.parseInt(type!, 16)] ?? "stream",
        state: (Number.parseInt(flags!, 16) & LISTENING) !== 0 ? "listening" : stateOf(Number.parseInt(state!, 16)),
        name,
      });
      continue;
    }
    // A name may hold a line feed, which the kernel does not escape: this is the rest of it.
    const last = rows.at(-1);
    if (last?.name !== undefined) last.name += `\n${line}`;
  }
  return rows;
}

const stateOf = (state: number): SocketRow["state"] =>
  state === CONNECTED ? "connected" : state === CONNECTING ? "waiting" : "bound";

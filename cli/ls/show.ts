// The table of `podbus ls`. Pure.

import type { Holder } from "../../shared/os/holders.ts";
import type { SocketInfo } from "../../shared/os/sockets.ts";
import { printable } from "../../shared/printable.ts";
import { table } from "../table.ts";
import type { Greeting } from "./probe.ts";

export interface Listed {
  readonly socket: SocketInfo;
  /** Where a broker listens. */
  readonly greeting: Greeting | undefined;
}

const HEAD = ["ADDRESS", "STATE", "CLIENTS", "BROKER", "PID", "USER", "CONTAINER", "COMMAND"];

/** Longer command lines are cut. */
const COMMAND_CHARS = 60;

/** One line a socket, and one more for each further process that holds it. */
export function showSockets(listed: readonly Listed[]): string {
  return table([HEAD, ...listed.flatMap(rows)]);
}

function rows({ socket, greeting }: Listed): string[][] {
  const [first, ...others] = socket.holders;
  const what = [
    // A name with NULs behind it is another name: only a client that writes them too reaches it.
    printable(socket.address) + (socket.padding > 0 ? ` (+${socket.padding} NUL)` : ""),
    socket.type === "stream" ? socket.state : `${socket.state} ${socket.type}`,
    socket.waiting > 0 ? `${socket.connections} (+${socket.waiting} waiting)` : String(socket.connections),
    whatBroker(greeting),
  ];
  const nothing = what.map(() => "");
  return [what.concat(holder(first)), ...others.map((other) => nothing.concat(holder(other)))];
}

function whatBroker(greeting: Greeting | undefined): string {
  if (greeting === undefined) return "-";
  return greeting.refused === undefined ? `protocol ${greeting.protocol}` : `refuses: ${greeting.refused}`;
}

function holder(held: Holder | undefined): string[] {
  if (held === undefined) return ["?", "?", "?", "(not to be seen by this user, or from this container)"];
  const { pid, user, container, command, commandLine } = held;
  const line = commandLine.length > 0 ? commandLine.join(" ") : command;
  return [String(pid), printable(user), container?.id.slice(0, 12) ?? "-", printable(line, COMMAND_CHARS)];
}

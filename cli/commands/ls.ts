// `podbus ls`: the named sockets of this network namespace, who holds them, and which of them are brokers.

import { newCommand } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { toJson } from "../display.ts";
import { type Listed, showSockets } from "../ls/show.ts";
import { type Greeting, probe } from "../ls/probe.ts";
import { listSockets, type SocketInfo } from "../../shared/os/sockets.ts";
import { out } from "../output.ts";
import { Exit } from "../usage.ts";

interface LsOptions {
  all?: true;
  json?: true;
  probe: boolean;
}

export const run: Run = async (args) => {
  const command = newCommand(
    "ls",
    "Lists the abstract sockets of this network namespace, with the processes that hold them. Those that listen are " +
      "connected to, to see which are brokers: nothing is sent.",
    [
      { line: "podbus ls", what: "abstract sockets" },
      { line: "podbus ls --all", what: "file-system sockets too" },
      { line: "podbus ls --json | jq -r 'select(.broker) | .address'", what: "a JSON object a line" },
    ],
  )
    .option("--all", "file-system sockets too")
    .option("--no-probe", "connect to nothing; brokers are then not told from others")
    .option("--json", "print each socket as a JSON object");
  command.parse(args, { from: "user" });
  const options = command.opts<LsOptions>();

  const sockets = listSockets({ all: options.all === true });
  const greetings = await Promise.all(sockets.map((socket) => greetingOf(socket, options)));
  const listed: Listed[] = sockets.map((socket, i) => ({ socket, greeting: greetings[i] }));
  if (options.json) {
    for (const { socket, greeting } of listed)
      await out.line(toJson({ ...socket, ...(greeting && { broker: greeting }) }));
  } else if (listed.length > 0) await out.write(showSockets(listed));
  else await out.line(`there is no ${options.all ? "named" : "abstract"} socket in this network namespace`);
  return Exit.DONE;
};

/** A broker binds its exact name, so a padded one is not asked; nor is a path that only its holder can resolve. */
function greetingOf(socket: SocketInfo, options: LsOptions): Promise<Greeting | undefined> | undefined {
  if (!options.probe || socket.state !== "listening" || socket.type !== "stream") return undefined;
  if (socket.abstract ? socket.padding > 0 : !socket.address.startsWith("/")) return undefined;
  return probe(socket.address);
}

// Listens on an abstract socket and is called: one JSON object a line (JSON-RPC 1.0).
//
// From Node 22 on, `createServer().listen("\0my-abstract-socket.json")` gives the socket its exact name. Node 20 fills the
// name up with NULs, so that no program in another language finds it; hence podbus' own helper, which is right on both.
// The name is known to whoever shares this network namespace, and anyone there may call.
import type { Socket } from "node:net";
import { createInterface } from "node:readline";

import { parseAddress } from "../../shared/address.ts";
import { listen } from "../../shared/os/listen.ts";

interface Call {
  readonly id: unknown;
  readonly method: string;
  readonly params: readonly [{ readonly a: number; readonly b: number }];
}

const methods = new Map([["RPCSrv.MyRPCExportedFunction", ({ a, b }: Call["params"][0]): number => a + b]]);

function answer(line: string): string {
  let id: unknown = null;
  try {
    const call = JSON.parse(line) as Call;
    ({ id = null } = call);
    const method = methods.get(call.method);
    if (method === undefined) throw new Error(`there is no method ${call.method}`);
    const result = method(call.params[0]);
    console.log(`called with ${JSON.stringify(call.params[0])}: ${result}`);
    return JSON.stringify({ id, result, error: null });
  } catch (error) {
    return JSON.stringify({ id, result: null, error: `cannot be called like this: ${String(error)}` });
  }
}

async function serve(socket: Socket): Promise<void> {
  socket.on("error", () => socket.destroy()); // a caller that goes away takes no one with it
  for await (const line of createInterface({ input: socket })) socket.write(`${answer(line)}\n`);
  socket.end();
}

const { server, address } = await listen(parseAddress(process.env["SOCKET_ADDRESS"] || "@my-abstract-socket.json"));
server.on("connection", (socket) => void serve(socket));
console.log(`listening on ${address}`);

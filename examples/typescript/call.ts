// Calls what listens on an abstract socket, `call.js [A B]`: one JSON object a line (JSON-RPC 1.0).
//
// From Node 22 on, `connect("\0my-abstract-socket.json")` of node:net does; see listen.ts for why Node 20 needs a helper.
import { createInterface } from "node:readline";

import { parseAddress } from "../../shared/address.ts";
import { connectSocket } from "../../shared/os/connect.ts";

interface Answer {
  readonly result: number | null;
  readonly error: unknown;
}

const [a = 2, b = 3] = process.argv.slice(2).map(Number);
const address = process.env["SOCKET_ADDRESS"] || "@my-abstract-socket.json";
const socket = await connectSocket(parseAddress(address)).catch((error: Error) => {
  console.error(`nothing listens on ${address} (${error.message}): start one with listen.js`);
  process.exit(1);
});
socket.write(`${JSON.stringify({ id: 1, method: "RPCSrv.MyRPCExportedFunction", params: [{ a, b }] })}\n`);
for await (const line of createInterface({ input: socket })) {
  const { result, error } = JSON.parse(line) as Answer;
  if (error === null) console.log(`${a} + ${b} = ${result}`);
  else console.error(error);
  process.exit(error === null ? 0 : 1);
}
console.error("the connection was closed");
process.exit(1);

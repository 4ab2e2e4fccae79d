// HTTP on localhost, as Node has it: a server, and a client that keeps its connections. There is nothing in the middle.

import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request } from "node:http";

import type { Requests } from "./side.ts";

export const http: Requests = {
  async caller(address) {
    const agent = new Agent({ keepAlive: true });
    const headers = { "content-type": "application/octet-stream" };
    return {
      call: (topic, payload) =>
        new Promise((resolve, reject) => {
          const outgoing = request(`http://${address}/${topic}`, { agent, method: "POST", headers }, (response) =>
            bodyOf(response, resolve),
          );
          outgoing.on("error", reject);
          outgoing.end(payload);
        }),
    };
  },

  async answer(address, topic) {
    const server = createServer((incoming, response) => {
      if (incoming.url === `/${topic}`) bodyOf(incoming, (body) => response.end(body));
      else response.writeHead(404).end();
    });
    const { hostname, port } = new URL(`http://${address}`);
    server.listen(Number(port), hostname);
    await once(server, "listening");
  },
};

function bodyOf(message: IncomingMessage, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  message.on("data", (chunk: Buffer) => chunks.push(chunk));
  message.on("end", () => done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
}

// HTTP on localhost: the server that Node has, and undici, the fastest of its clients, with one connection that is kept. There is nothing in
// the middle.

import { once } from "node:events";
import { createServer } from "node:http";

import { Client } from "undici";

import type { Requests } from "./side.ts";

export const http: Requests = {
  async caller(address) {
    const client = new Client(`http://${address}`);
    return {
      call: async (topic, payload) => {
        const { body } = await client.request({ path: `/${topic}`, method: "POST", body: payload });
        return body.bytes();
      },
    };
  },

  async answer(address, topic) {
    const server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        if (incoming.url !== `/${topic}`) response.statusCode = 404;
        response.end(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
      });
    });
    const { hostname, port } = new URL(`http://${address}`);
    server.listen(Number(port), hostname);
    await once(server, "listening");
  },
};

// Redis: on a unix socket, the faster of what it has, and without persistence. Where its subscribers are slower than its publishers it holds
// what waits for them, and does not cut them off, since a message that is lost fails the measurement.

import { join } from "node:path";

import type { Peer } from "./peer.ts";

export const redis: Peer = {
  program: { name: "redis-server", package: "redis-server" },
  async place(folder) {
    const address = join(folder, "redis.sock");
    const options = {
      port: "0",
      unixsocket: address,
      dir: folder,
      save: "",
      appendonly: "no",
      loglevel: "warning",
      logfile: join(folder, "redis.log"),
      "client-output-buffer-limit": "pubsub 0 0 0",
    };
    return { address, args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]) };
  },
};

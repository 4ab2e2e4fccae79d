// NATS: on loopback TCP, since it has no unix sockets, with JetStream, whose streams are in memory. What waits for a slow subscriber is held,
// however much it is: a subscriber that is cut off would lose messages, which fails the measurement.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { freeAddress, type Peer } from "./peer.ts";

export const nats: Peer = {
  program: { name: "nats-server", package: "nats-server" },
  async place(folder) {
    const address = await freeAddress();
    const file = join(folder, "nats.conf");
    const config = {
      listen: address,
      log_file: join(folder, "nats.log"),
      max_pending: 1024 ** 3,
      write_deadline: "60s",
      jetstream: { store_dir: folder, max_memory_store: 1024 ** 3 },
    };
    await writeFile(file, JSON.stringify(config));
    return { address, args: ["--config", file] };
  },
};

// Redis's publish and subscribe.

import { openRedis, redisSender } from "./redis-client.ts";
import type { Messages } from "./side.ts";

export const redisPubSub: Messages = {
  sender: (address) => redisSender(address, (topic, payload) => ["PUBLISH", topic, payload]),

  async receive(address, pattern, _options, take) {
    const client = await openRedis(address);
    await client.subscribe(pattern, (payload) => take(payload, 0, payload.length), true);
  },
};

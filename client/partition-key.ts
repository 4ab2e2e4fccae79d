// The key of a message in a partitioned queue, as the broker tells keys apart: what has one key is worked on in order.

import type { Content } from "./content.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";

/** Undefined where the queue is not partitioned. The function gives undefined for a message that has no key. */
export function keyed(by: SubscribeOptions["partitionBy"]): ((content: Content) => string | undefined) | undefined {
  if (by === undefined) return undefined;
  return by === "key" ? headerKey : (content) => content.topic.split(".", by)[by - 1];
}

/** Of what type it is does not matter. */
function headerKey({ headers }: Content): string | undefined {
  const key = headers["key"] as unknown;
  if (key instanceof Uint8Array) return Buffer.from(key).toString("latin1");
  return typeof key === "object" || key === undefined ? undefined : String(key);
}

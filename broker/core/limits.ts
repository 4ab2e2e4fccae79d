// The options that limit what clients may have, by the names that answers give them, and how often each was the reason for one.

const LIMITS = [
  "maxConnections",
  "maxSubscriptions",
  "maxQueues",
  "maxRequests",
  "maxRetained",
  "maxFrame",
  "handshakeMs",
  "headroom",
  "memoryLimit",
  "stallMs",
] as const;

export type Limit = (typeof LIMITS)[number];

/** How often each limit was answered with, or closed a connection; of `memoryLimit` also how often it was reached. */
export type Limited = Record<Limit, number>;

export function noneLimited(): Limited {
  return Object.fromEntries(LIMITS.map((limit) => [limit, 0])) as Limited;
}

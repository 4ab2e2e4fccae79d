// How much a broker may hold where it is not told: by the limit of its container. Pure.

const MIB: number = 1024 * 1024;
/** Where there is no limit. */
const UNLIMITED_BYTES: number = 256 * MIB;
/** What the process needs beside what it holds: Node, its heap, and what the collector has not freed yet. */
const RESERVED_BYTES: number = 96 * MIB;
const LEAST_BYTES: number = 4 * MIB;

/** Half of the container's limit, and at most that less 96 MiB. */
export function defaultMemoryLimit(container: number | undefined): number {
  if (container === undefined) return UNLIMITED_BYTES;
  return Math.max(LEAST_BYTES, Math.floor(Math.min(container / 2, container - RESERVED_BYTES)));
}

// How many descriptors this process may have open, and what that leaves for connections.

import { readText } from "./attempt.ts";

/** Descriptors that are kept for what is not a client: standard streams, the listener, files. */
export const RESERVED_FILES = 64;

/** As Linux tells; without limit where it can't be told. Node raises the soft limit to the hard one when it starts. */
export function openFilesLimit(): number {
  return parseOpenFiles(readText("/proc/self/limits"));
}

/** Of the text of a /proc/PID/limits. */
export function parseOpenFiles(text: string): number {
  const limit = Number(/^Max open files\s+(\S+)/m.exec(text)?.[1]);
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit;
}

/** Connections that there may be at the most. */
export function connectionsWithin(openFiles: number): number {
  return Math.max(1, openFiles - RESERVED_FILES);
}

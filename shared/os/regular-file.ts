// Reads a small file that somebody named: a regular one, or a link to one, and no more of it than asked for. A pipe would be waited for
// without end, and so would a device. What the bytes mean is not its matter.

import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";

/** What was named is there and no regular file. `message` says what it is. */
export class NotRegular extends Error {
  readonly code = "not_regular";
}

/**
 * The first `maxBytes` of it at the most: ask for one more than is right to see that it is too large.
 * @throws NotRegular, or the system's error
 */
export function readRegularFile(path: string, maxBytes: number): Buffer {
  // Not even opened, since to open a device may do something.
  needRegular(statSync(path));
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    needRegular(fstatSync(fd)); // another may have taken its place
    const buf = Buffer.alloc(maxBytes);
    let length = 0;
    for (let read = -1; read !== 0 && length < maxBytes; length += read) {
      read = readSync(fd, buf, length, maxBytes - length, null);
    }
    return buf.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

function needRegular(stats: Stats): void {
  if (!stats.isFile()) throw new NotRegular(`it is ${kindOf(stats)}, not a regular file`);
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a pipe";
  return stats.isSocket() ? "a socket" : "a device";
}

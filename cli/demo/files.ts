// The files of a folder, and their parts. Names are bytes throughout: Linux allows any. Symbolic links are not followed, and what
// is no regular file is left out and counted. Reading is synchronous: it is several times as fast for small files, and whoever reads
// gives way to the event loop in between.

import { closeSync, constants, type Dirent, fstatSync, lstatSync, openSync, readdirSync, readSync } from "node:fs";

import { PART_BYTES } from "./wire.ts";

export interface FoundFile {
  readonly path: Buffer;
  readonly bytes: number;
  /** When its content or owner last changed: tells a file that changed underneath from one that arrived wrong. */
  readonly changedMs: number;
}

/** What was found that is no file to be moved. */
export interface LeftOut {
  links: number;
  /** Sockets, pipes, devices. */
  special: number;
  unreadableFolders: number;
}

const SLASH = Buffer.from("/");

/** The regular files below `folder`, depth first, counting into `leftOut` what is none. */
export function* findFiles(folder: Buffer, leftOut: LeftOut): Generator<FoundFile> {
  const folders = [folder];
  for (let current = folders.pop(); current !== undefined; current = folders.pop()) {
    for (const entry of entriesOf(current, leftOut)) {
      const path = Buffer.concat([current, SLASH, entry.name]);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isSymbolicLink()) leftOut.links++;
      else if (entry.isFile()) {
        const status = lstatSync(path, { throwIfNoEntry: false });
        if (status !== undefined) yield { path, bytes: status.size, changedMs: status.ctimeMs };
      } else leftOut.special++;
    }
  }
}

/** Whether a file is no longer what it was when it was found. */
export function hasChanged(file: FoundFile): boolean {
  const status = lstatSync(file.path, { throwIfNoEntry: false });
  return status === undefined || status.size !== file.bytes || status.ctimeMs !== file.changedMs;
}

function entriesOf(folder: Buffer, leftOut: LeftOut): Dirent<Buffer>[] {
  try {
    return readdirSync(folder, { encoding: "buffer", withFileTypes: true });
  } catch {
    leftOut.unreadableFolders++;
    return [];
  }
}

/** Reads one file after another in parts, into one buffer. */
export class PartReader {
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(PART_BYTES);
  #fd = -1;
  #parts = 0;

  /** False where it can't be opened, or is no regular file any more. */
  open(path: Buffer): boolean {
    try {
      // Not to be led elsewhere by a link, nor to wait for ever at a pipe, that has taken the place of the file.
      this.#fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch {
      return false;
    }
    this.#parts = 0;
    if (fstatSync(this.#fd).isFile()) return true;
    this.close();
    return false;
  }

  /**
   * The next part: a view that holds until the next call; undefined after the last. An empty file has one, empty part.
   * @throws where the file can't be read.
   */
  next(): Buffer | undefined {
    let filled = 0;
    while (filled < PART_BYTES) {
      const bytes = readSync(this.#fd, this.#buffer, filled, PART_BYTES - filled, null);
      if (bytes === 0) break;
      filled += bytes;
    }
    if (filled === 0 && this.#parts > 0) return undefined;
    this.#parts++;
    return this.#buffer.subarray(0, filled);
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

// The disk of a broker with a data directory: lmdb, in which a write is all there or not at all, and is flushed before it is confirmed.
// Loaded only where there is a data directory.

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

import { open, type RootDatabase } from "lmdb";

import { PodbusError } from "../shared/errors.ts";
import { attempt } from "../shared/os/attempt.ts";
import { LOCK_EX_NB, loadLibc } from "../shared/os/libc.ts";
import { printable } from "../shared/printable.ts";
import { lackingRoom, neededBytes, type StorePages } from "./disk-room.ts";
import { checkDataFile } from "./lmdb-check.ts";
import { DamagedStore } from "./core/recovery.ts";
import type { Change, Store } from "./core/store.ts";

const LOCK_FILE = "podbus.lock";
const DATA_FILE = "data.mdb";
const READERS_FILE = "lock.mdb";
const READERS_BYTES = 8192;
/** What users may do who are neither the owner nor of the group. */
const OTHERS = 0o007;

export class LmdbStore implements Store {
  readonly #directory: string;
  readonly #db: RootDatabase<Buffer, Buffer>;
  /** The descriptor by which this process has the directory. */
  readonly #lock: number;

  private constructor(directory: string, db: RootDatabase<Buffer, Buffer>, lock: number) {
    this.#directory = directory;
    this.#db = db;
    this.#lock = lock;
  }

  /**
   * Opens the data directory, which is made where it does not exist.
   * @throws PodbusError `address_in_use` where another broker has it, `unavailable` where it can't be used.
   */
  static open(directory: string): LmdbStore {
    const held = prepare(directory);
    try {
      const lacking = lackingRoom(directory, READERS_BYTES);
      if (lacking !== undefined) throw new Error(lacking);
      makePrivate(join(directory, DATA_FILE));
      makePrivate(join(directory, READERS_FILE));
      checkDataFile(join(directory, DATA_FILE));
      // Who reads at present: nobody, since the directory is this broker's; what a former one left is not believed. Written in full:
      // lmdb maps it, and a page for which a full disk has no room would end the process.
      writeFileSync(join(directory, READERS_FILE), Buffer.alloc(READERS_BYTES));
      const db = open<Buffer, Buffer>({
        path: directory,
        encoding: "binary",
        keyEncoding: "binary",
        // One flush a write, before it is confirmed: what is written together is gathered before it comes here.
        overlappingSync: false,
        maxReaders: 16,
      });
      return new LmdbStore(directory, db, held);
    } catch (cause) {
      closeSync(held);
      if (cause instanceof DamagedStore) throw cause;
      throw unusable(directory, (cause as Error).message, cause);
    }
  }

  *entries(): Iterable<{ key: string; value: Buffer }> {
    for (const { key, value } of this.#db.getRange({ snapshot: true })) {
      yield { key: key.toString("latin1"), value: Buffer.from(value) };
    }
  }

  /** How much of it there is. */
  get pages(): StorePages {
    return this.#db.getStats() as StorePages;
  }

  write(changes: readonly Change[], done: (error: Error | undefined) => void): void {
    void this.#write(changes, done);
  }

  /** What is put in one turn is one transaction. */
  async #write(changes: readonly Change[], done: (error: Error | undefined) => void): Promise<void> {
    await undefined; // so that it never calls back before it returns
    let failure: Error | undefined;
    try {
      const lacking = lackingRoom(this.#directory, neededBytes(changes, this.pages));
      if (lacking !== undefined) throw new Error(lacking);
      const written = Promise.all(changes.map((change) => this.#change(change)));
      // lmdb makes a promise of its own when it begins with them, right before this, and where they fail leaves it unhandled: that
      // would end the process.
      setImmediate(() => void this.#db.committed.then(ignore, ignore));
      await written;
    } catch (error) {
      failure = await reasonOf(error);
    }
    done(failure);
  }

  #change({ key, value }: Change): Promise<boolean> {
    const bytes = Buffer.from(key, "latin1");
    return value === undefined ? this.#db.remove(bytes) : this.#db.put(bytes, value);
  }

  /** Lets go of the directory, for the next broker. */
  async close(): Promise<void> {
    await this.#db.close();
    closeSync(this.#lock);
  }
}

/** Makes the directory where it does not exist, and takes it: has it for as long as the descriptor is open. */
function prepare(directory: string): number {
  const path = resolve(directory);
  try {
    const file = firstFile(path);
    if (file !== undefined) throw new Error(`${printable(file, 200)} is a file, not a folder`);
    makeFolder(path);
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return lock(directory);
  } catch (cause) {
    throw cause instanceof PodbusError ? cause : unusable(directory, (cause as Error).message, cause);
  }
}

/** What is there instead of a folder: at the path, or above it. */
function firstFile(path: string): string | undefined {
  const stats = attempt(() => statSync(path));
  if (stats !== undefined) return stats.isDirectory() ? undefined : path;
  return firstFile(dirname(path));
}

/**
 * Makes a file that only its owner may read, before lmdb makes one that everybody may: messages lie in it. Of one that is there what others
 * may is taken away, and what its group may is left: the kubelet gives that to the volume's group (fsGroup), by which a broker of another
 * uid gets at it.
 */
function makePrivate(path: string): void {
  const fd = openSync(path, "a", 0o600);
  try {
    const { mode } = fstatSync(fd);
    if ((mode & OTHERS) !== 0) fchmodSync(fd, mode & 0o777 & ~OTHERS);
  } catch (error) {
    // Another user's, or on a file system that has no modes: then they are its matter.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  } finally {
    closeSync(fd);
  }
}

/** With the folders above it. Not `recursive`: that never ends where the system knows no new folders, as below /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/** Has the directory for as long as the descriptor is open, however the process ends. */
function lock(directory: string): number {
  const libc = loadLibc();
  const fd = openSync(join(directory, LOCK_FILE), "a", 0o600);
  if (libc instanceof Error || libc.flock(fd, LOCK_EX_NB) === 0) return fd;
  closeSync(fd);
  throw new PodbusError(
    "address_in_use",
    `the data directory ${directory} is in use by another broker; give each its own`,
  );
}

function unusable(directory: string, why: string, cause: unknown): PodbusError {
  const message = `the data directory ${directory} can't be used: ${why}; make it a folder that the broker may write, or give another`;
  return new PodbusError("unavailable", message, { cause });
}

function ignore(): void {}

/** Why a write failed: lmdb tells by a promise beside the error. */
async function reasonOf(error: unknown): Promise<Error> {
  try {
    await (error as { commitError?: Promise<never> }).commitError;
  } catch (reason) {
    if (reason instanceof Error) return reason;
  }
  return error instanceof Error ? error : new Error(String(error));
}

// Secrets as they lie in files: one file, which is everybody's, or a folder of them by identity. Reads them, and refuses what can't
// be one; what is proved with them is shared/proof.ts. No message has a byte of a secret.
//
//   DIR/common          everybody's who has none of his own
//   DIR/billing         of the identity "billing"
//   DIR/billing.next    another one of it: both count, until one of the two files is gone. A client takes the one without a suffix

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { PodbusError } from "../errors.ts";
import { printable } from "../printable.ts";
import { MIN_SECRET_BYTES, secretOf } from "../proof.ts";
import { NotRegular, readRegularFile } from "./regular-file.ts";

/** More than this is no secret, but a mistake: another file. */
const MAX_SECRET_BYTES = 4096;

/** The file of a folder that is not an identity's. */
const COMMON = "common";

/** A secret, and whose. */
export interface FoundSecret {
  /** Undefined: everybody's. */
  readonly identity: string | undefined;
  readonly secret: Buffer;
}

/** All secrets that `path`, a file or a folder, has: at least one. @throws PodbusError `bad_option` */
export function readSecrets(path: string): FoundSecret[] {
  if (!isFolder(path)) return [{ identity: undefined, secret: readSecret(path) }];
  const found = filesIn(path).map((name) => {
    const [identity] = name.split(".", 1) as [string];
    return { identity: identity === COMMON ? undefined : identity, secret: readSecret(join(path, name)) };
  });
  if (found.length === 0) throw wrong(path, "the folder has no file; put a secret into it, one file each");
  return found;
}

/**
 * The secret that a client called `name` proves: of a file, its own; of a folder, that of its name, or else the common one. Read
 * anew each time, so that one that was changed counts from the next connection on. @throws PodbusError `bad_option`
 */
export function readClientSecret(path: string, name: string | undefined): Buffer {
  if (!isFolder(path)) return readSecret(path);
  const files = filesIn(path);
  // What follows a dot is no part of a name: to the broker that file is another's.
  const names = name === undefined || name.includes(".") ? [COMMON] : [name, COMMON];
  const own = names.find((wanted) => files.includes(wanted));
  if (own !== undefined) return readSecret(join(path, own));
  const whose = name === undefined ? "a client without a name" : `"${printable(name, 64)}"`;
  throw wrong(path, `the folder has neither a secret for ${whose} nor a file ${COMMON}; name the file itself`);
}

function readSecret(path: string): Buffer {
  const secret = secretOf(readStart(path));
  if (secret.length > MAX_SECRET_BYTES)
    throw wrong(path, `a secret has at most ${MAX_SECRET_BYTES} bytes, and this more`);
  if (secret.length < MIN_SECRET_BYTES) {
    const remedy = "make one with: head -c 32 /dev/urandom | base64";
    throw wrong(path, `a secret has at least ${MIN_SECRET_BYTES} bytes, and this ${secret.length}; ${remedy}`);
  }
  return secret;
}

/** The file, or of one that is too large enough to see it. */
function readStart(path: string): Buffer {
  try {
    return readRegularFile(path, MAX_SECRET_BYTES + 3); // a line break of two, and one too many
  } catch (error) {
    throw error instanceof NotRegular
      ? wrong(path, `${error.message}; name a file that holds the secret`)
      : unreadable(path, error);
  }
}

/** Hidden ones are left out: a volume of Kubernetes keeps its versions there. */
function filesIn(path: string): string[] {
  try {
    const names = readdirSync(path).filter((name) => !name.startsWith("."));
    const folder = names.find((name) => statSync(join(path, name)).isDirectory());
    if (folder === undefined) return names.sort();
    throw wrong(join(path, folder), "a folder of secrets has files only; take the folder out of it");
  } catch (error) {
    throw error instanceof PodbusError ? error : unreadable(path, error);
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): PodbusError {
  const { code, message } = error as NodeJS.ErrnoException;
  return wrong(path, `it can't be read (${code ?? message}); name a file, or a folder, that this user may read`, error);
}

function wrong(path: string, why: string, cause?: unknown): PodbusError {
  return new PodbusError("bad_option", `secretFile ${printable(path, 200)}: ${why}`, { cause });
}

// Who may connect, by the kernel's word. Asked once a connection, before anything else is said.

import { UNMAPPED_ID } from "../../shared/unmapped.ts";
import type { PeerCredentials } from "./peer.ts";

/** Users and groups that may connect; `any`: everybody. */
export type Allow = "any" | AllowList;

interface AllowList {
  readonly uids: ReadonlySet<number>;
  readonly gids: ReadonlySet<number>;
  /** The option as it was given, or nothing. */
  readonly text: string;
}

/** Why one with these credentials, or with none that the system tells, may not connect, and how it may; undefined where it may. */
export function notAllowed(allow: Allow, credentials: PeerCredentials | undefined): string | undefined {
  if (allow === "any") return undefined;
  if (credentials === undefined) {
    return "the system does not tell the broker who this is; start the broker with --allow any, and a secret (--secret-file)";
  }
  const { uid, gid } = credentials;
  if (allow.uids.has(uid) || allow.gids.has(gid)) return undefined;
  if (uid === UNMAPPED_ID) {
    return `uid ${uid} is not allowed: the broker can't tell it from others that have no number in its user namespace; start the broker with --allow any, and a secret (--secret-file)`;
  }
  const option = allow.text === "" ? `uid:${uid}` : `${allow.text},uid:${uid}`;
  return `uid ${uid} is not allowed; start the broker with --allow ${option}`;
}

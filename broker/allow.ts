// Reads the option `allow`: who may connect beside root and the broker's own user.

import { PodbusError } from "../shared/errors.ts";
import { isEveryUidMapped } from "../shared/os/credentials.ts";
import { UNMAPPED_ID } from "../shared/unmapped.ts";
import { quote } from "../shared/quote.ts";
import type { Allow } from "./core/allow.ts";

const ROOT = 0;
/** The largest uid or gid there can be: one more means "none" to the kernel. */
const MAX_ID = 0xffff_fffe;

const EXPECTED = "allow must be any, or a list such as uid:1001,gid:2000";

/** @throws PodbusError `bad_option` */
export function parseAllow(text: string | undefined): Allow {
  const wanted = (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (wanted.length === 1 && wanted[0] === "any") return "any";
  const ids = { uid: new Set([ROOT, ...ownUid()]), gid: new Set<number>() };
  for (const each of wanted) {
    const [, kind, digits] = /^(uid|gid):(\d+)$/.exec(each) ?? [];
    if (each === "any")
      throw wrong(`${EXPECTED}, and ${quote(wanted.join(","))} is both: any admits everybody by itself`);
    if (digits === undefined) throw wrong(`${EXPECTED}, and ${quote(each)} is neither`);
    const id = Number(digits);
    if (id > MAX_ID) throw wrong(`${EXPECTED}, and ${each} is above ${MAX_ID}`);
    if (id === UNMAPPED_ID) {
      throw wrong(
        `${each} can't be allowed by number: it stands for all that have none in this user namespace; allow any, with a secret (secretFile)`,
      );
    }
    ids[kind as "uid" | "gid"].add(id);
  }
  return { uids: ids.uid, gids: ids.gid, text: wanted.join(",") };
}

/** The broker's own user, unless it can't be told from others. */
function ownUid(): number[] {
  const uid = process.geteuid?.();
  return uid === undefined || (uid === UNMAPPED_ID && !isEveryUidMapped()) ? [] : [uid];
}

function wrong(message: string): PodbusError {
  return new PodbusError("bad_option", message);
}

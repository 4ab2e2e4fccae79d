// Whether the kernel tells who is at the other end of a socket: without that a broker can't tell its own uid from others. Pure.

import type { Credentials } from "../../shared/os/credentials.ts";
import { UNMAPPED_ID } from "../../shared/unmapped.ts";
import type { Check } from "./check.ts";

export interface CredentialFacts {
  /** This process. */
  readonly own: Credentials;
  /** What SO_PEERCRED says of a connection of this process to itself, or why that could not be asked. */
  readonly seen: Credentials | string | undefined;
}

export function checkCredentials({ own, seen }: CredentialFacts): Check {
  const common = { check: "credentials", facts: { own, seen: seen ?? null } } as const;
  if (typeof seen === "string") {
    const advice = "use a file-system socket (--address /PATH), and guard it by its directory";
    return { ...common, state: "problem", says: `a socket could not be tried: ${seen}`, advice };
  }
  if (seen === undefined) {
    const says = "the kernel does not tell who connects (SO_PEERCRED fails)";
    const advice = "a broker refuses to start here unless it admits everybody (--allow any): give it a secret as well";
    return { ...common, state: "problem", says, advice };
  }
  const differs = (["uid", "gid", "pid"] as const).filter((key) => seen[key] !== own[key]);
  if (differs.length > 0) {
    const what = differs.map((key) => `${key} ${seen[key]} instead of ${own[key]}`).join(", ");
    const advice = "don't rely on uids here: give the broker a secret (--secret-file)";
    return { ...common, state: "problem", says: `the kernel tells something else of this process: ${what}`, advice };
  }
  if (own.uid === UNMAPPED_ID) {
    const says = `this process runs as uid ${UNMAPPED_ID}, which is also what every unmapped uid is shown as`;
    return { ...common, state: "warning", says, advice: "run it as another uid: that one can't be allowed by number" };
  }
  return {
    ...common,
    state: "ok",
    says: `the kernel tells who connects: this process is uid ${own.uid}, gid ${own.gid}`,
  };
}

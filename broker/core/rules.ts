// Rules: who may do what, as they were written. Plain data; broker/rules/ reads it from a file, role.ts asks it.

/** What is permitted by patterns: of topics, and for `queue` of names of queues. */
export const VERBS = ["publish", "subscribe", "request", "respond", "queue"] as const;
export type Verb = (typeof VERBS)[number];

/** What is permitted as a whole. */
export const POWERS = ["sys", "admin"] as const;
/** `sys`: to read `$sys` and its events. `admin`: that, and to change, empty and remove queues. */
export type Power = (typeof POWERS)[number];

/** Somebody of whom all of this is true; nothing at all: everybody. */
export interface Who {
  /** Names, proved by a secret of their own. */
  readonly identity?: readonly string[];
  readonly uid?: readonly number[];
  readonly gid?: readonly number[];
}

export interface Rule {
  /** For these: any of them. */
  readonly who: readonly Who[];
  readonly permits: Readonly<Record<Verb, readonly string[]>>;
  readonly powers: ReadonlySet<Power>;
  /** Where it begins in its file, from 1. */
  readonly line: number;
}

/** Whoever asks. What is not known of it is undefined, and no rule is for it by that. */
export interface Subject {
  readonly identity: string | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

export function isFor({ who }: Rule, subject: Subject): boolean {
  return who.some(
    ({ identity, uid, gid }) =>
      includes(identity, subject.identity) && includes(uid, subject.uid) && includes(gid, subject.gid),
  );
}

function includes<T>(wanted: readonly T[] | undefined, is: T | undefined): boolean {
  return wanted === undefined || (is !== undefined && wanted.includes(is));
}

/** `identity billing`, or else `uid 1001`, or else `gid 2000`. */
export function describeSubject({ identity, uid, gid }: Subject): string {
  if (identity !== undefined) return `identity ${identity}`;
  return uid === undefined ? `gid ${gid ?? "?"}` : `uid ${uid}`;
}

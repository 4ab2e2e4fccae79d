// The secrets that clients may prove, by identity. Holds them and compares; where they come from is broker/policy.ts. Nothing here
// tells whether a name has one: a wrong name takes as long as a wrong proof.

import { type Challenge, isProof, MIN_SECRET_BYTES, prove } from "../../shared/proof.ts";

/** A secret that was proved, and whose it is. */
export interface Proved {
  /** Undefined: of everybody, so that it proves no name. */
  readonly identity: string | undefined;
  readonly secret: Buffer;
}

/** Compared with where a name has no secret, to no avail. */
const NOBODYS: readonly Proved[] = [{ identity: undefined, secret: Buffer.alloc(MIN_SECRET_BYTES) }];

export class Secrets {
  readonly #byIdentity = new Map<string | undefined, Proved[]>();

  constructor(all: Iterable<Proved>) {
    for (const each of all) {
      const others = this.#byIdentity.get(each.identity);
      if (others === undefined) this.#byIdentity.set(each.identity, [each]);
      else others.push(each);
    }
  }

  /** Whether there is one for those who have none of their own. */
  get hasCommon(): boolean {
    return this.#byIdentity.has(undefined);
  }

  /** Names that have a secret of their own. */
  get identities(): string[] {
    return [...this.#byIdentity.keys()].filter((identity) => identity !== undefined);
  }

  /** The secret that `proof`, of a client that calls itself `name`, proves. */
  proved(name: string | undefined, challenge: Challenge, proof: unknown): Proved | undefined {
    const own = name === undefined ? undefined : this.#byIdentity.get(name);
    const candidates = own ?? this.#byIdentity.get(undefined);
    let found: Proved | undefined;
    // All of them, also behind the right one.
    for (const each of candidates ?? NOBODYS) {
      if (isProof(proof, prove("client", each.secret, challenge))) found ??= each;
    }
    return candidates === undefined ? undefined : found;
  }

  /** Whether what was proved before is still a secret, and of the same identity. */
  hasStill({ identity, secret }: Proved): boolean {
    return this.#byIdentity.get(identity)?.some((each) => each.secret.equals(secret)) ?? false;
  }
}

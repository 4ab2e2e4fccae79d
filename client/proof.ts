// The client's half of the mutual proof, for one connection: what its HELLO says of a secret, and whether the broker's answer proves
// that it has it, too. Without a secret it only sees to it that none is asked for. It knows frames as little as sockets.

import { PodbusError } from "../shared/errors.ts";
import { AUTH_HMAC, AUTH_NONE, type Challenge, isNonce, isProof, prove } from "../shared/proof.ts";
import { quote } from "../shared/quote.ts";
import type { Greeting } from "./greeting.ts";

/** What a client proves, and to whom. */
export interface Claim {
  /** Undefined where it has none. */
  readonly secret: Uint8Array | undefined;
  /** Unlike any other. */
  readonly nonce: Uint8Array;
  /** As shared/proof.ts has it. */
  readonly address: string;
}

export class Proof {
  readonly #claim: Claim;
  #challenge: Challenge | undefined;

  constructor(claim: Claim) {
    this.#claim = claim;
  }

  /** What goes into HELLO. @throws PodbusError `bad_auth` where the broker's greeting does not go with what this client has */
  hello({ auth, nonce: brokerNonce }: Greeting): { nonce?: Uint8Array; proof?: Uint8Array } {
    const { secret, nonce: clientNonce, address } = this.#claim;
    if (secret === undefined) {
      if (auth === AUTH_NONE) return {};
      throw refused(
        "the broker asks for a secret, and this client has none; give it the file (secretFile, PODBUS_SECRET_FILE)",
      );
    }
    if (auth !== AUTH_HMAC || !isNonce(brokerNonce)) {
      throw refused(
        `this client has a secret, and whoever listens there does not ask for it as a broker does (auth ${quote(auth)}): it may be another program, or start the broker with --secret-file`,
      );
    }
    this.#challenge = { brokerNonce, clientNonce, address };
    return { nonce: clientNonce, proof: prove("client", secret, this.#challenge) };
  }

  /** Checks what the broker's OK has. @throws PodbusError `bad_auth` where that does not prove that it has the secret */
  check(proof: unknown): void {
    const { secret } = this.#claim;
    if (secret === undefined || this.#challenge === undefined) return;
    if (isProof(proof, prove("broker", secret, this.#challenge))) return;
    throw refused(
      "whoever listens there could not prove that it has the secret: it is not the broker; podbus ls shows who it is",
    );
  }
}

function refused(message: string): PodbusError {
  return new PodbusError("bad_auth", message);
}

// The two kinds of error that a peer's frames can cause. A Refusal is answered, and the connection goes on; a Failure is answered,
// and closes it.

import type { WireCode } from "../../shared/errors.ts";

export class Refusal extends Error {
  readonly code: WireCode;

  constructor(code: WireCode, message: string) {
    super(message);
    this.code = code;
  }
}

export class Failure extends Error {
  readonly code: WireCode;

  constructor(code: WireCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A frame that is not of its op's form. */
export function badFrame(message: string): Failure {
  return new Failure("bad_frame", message);
}

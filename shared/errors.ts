// Every error code of podbus, listed once, and the one class that carries them. docs/errors.md has an entry for each.

/** Codes that travel in ERR frames (docs/protocol.md, Errors). */
export const WIRE_CODES = [
  "bad_frame",
  "too_large",
  "bad_hello",
  "bad_auth",
  "not_allowed",
  "bad_topic",
  "bad_pattern",
  "bad_option",
  "limit",
  "no_responders",
  "responder_gone",
  "timeout",
  "unavailable",
  "closing",
  "stalled",
] as const;
export type WireCode = (typeof WIRE_CODES)[number];

/** Codes that never travel: they tell the program that uses the library what happened on its own side. */
export const LOCAL_CODES = [
  /** No broker could be reached, or the connection to it was lost and the operation can't be repeated. */
  "disconnected",
  /** The bus, the subscription or the broker object was closed by its owner. */
  "closed",
  /** An AbortSignal fired. `cause` is its reason. */
  "aborted",
  /** A responder answered with an application error. `data` is what it sent. */
  "application",
  /** A payload or header that can't be encoded, or that came in and can't be decoded safely. */
  "bad_payload",
  /** An address of the wrong form, or of a kind that this system does not have. */
  "bad_address",
  /** The address is taken by another process that listens there. */
  "address_in_use",
] as const;
type LocalCode = (typeof LOCAL_CODES)[number];

export type ErrorCode = WireCode | LocalCode;

/**
 * Every error that podbus throws, rejects with or emits. `code` is stable, `message` says what was expected, what came and
 * what to do, on one line; `cause` is the error underneath, where there is one.
 */
export class PodbusError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PodbusError";
    this.code = code;
  }
}

/** Whether `code`, read from the wire, is one that this version knows. */
export function isWireCode(code: string): code is WireCode {
  return (WIRE_CODES as readonly string[]).includes(code);
}

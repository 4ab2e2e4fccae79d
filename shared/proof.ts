// What both ends prove to each other where they share a secret (docs/protocol.md, Opening): HMAC-SHA256 over both nonces and the
// address, so that nothing said on one connection is of use on another, nor on a socket of another name. Pure: where secrets come
// from, and what follows from a wrong proof, is not known here.

import { createHmac, timingSafeEqual } from "node:crypto";

/** `auth` of a broker that has secrets. */
export const AUTH_HMAC = "hmac-sha256";
/** `auth` of one that has none. */
export const AUTH_NONE = "none";

export const NONCE_BYTES = 16;

/** The least that a secret may have. */
export const MIN_SECRET_BYTES = 16;

/** What is signed begins with who signs: so a proof is none for the other side. */
const LABELS = { client: "podbus1-client", broker: "podbus1-broker" } as const;

/** The two nonces of a connection, and the address as `provenAddress` gives it. */
export interface Challenge {
  readonly brokerNonce: Uint8Array;
  readonly clientNonce: Uint8Array;
  readonly address: string;
}

/** The proof of the client, or of the broker, that it has `secret`. */
export function prove(by: "client" | "broker", secret: Uint8Array, challenge: Challenge): Buffer {
  return createHmac("sha256", secret)
    .update(LABELS[by])
    .update(challenge.brokerNonce)
    .update(challenge.clientNonce)
    .update(challenge.address)
    .digest();
}

/** Whether `given`, which came from the other side, is the proof `expected`; in a time that does not tell how much of it is. */
export function isProof(given: unknown, expected: Buffer): boolean {
  return given instanceof Uint8Array && given.length === expected.length && timingSafeEqual(given, expected);
}

/** Whether `value`, which came from the other side, is a nonce. */
export function isNonce(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === NONCE_BYTES;
}

/** What of an address is signed: an abstract one as it is written; nothing of a path, which each side may call differently. */
export function provenAddress(address: string): string {
  return address.startsWith("@") ? address : "";
}

/** The secret in a file of these bytes: all of them, less one final line break. */
export function secretOf(file: Buffer): Buffer {
  const end = file.length;
  if (file[end - 1] !== 0x0a) return file;
  return file.subarray(0, file[end - 2] === 0x0d ? end - 2 : end - 1);
}

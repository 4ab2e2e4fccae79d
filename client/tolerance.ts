// How far a client goes along with a broker that does not keep to the protocol: each bound is far beyond what one that does can lead
// to, and behind it the connection ends with `limit`. So whoever took the broker's name can cost a client its connection, and not its
// memory.

import { PodbusError } from "../shared/errors.ts";

const MIB: number = 1024 * 1024;

/** Of one subscription, what came and was not handled: a broker holds it at 1 MiB and what is on its way. */
export const MAX_INBOX_BYTES: number = 256 * MIB;
/** Answers that the broker does not take, while it asks for more. */
export const MAX_UNTAKEN_BYTES: number = 256 * MIB;
/** Beyond so many bytes that it has not taken, a PING goes without a PONG: what is on its way to it is a sign of life as good. */
export const MAX_PONG_BYTES: number = 64 * 1024;
/** Topics in XOFF at once: a broker pauses a publisher at 1,024, and what it had read by then is below 64 KiB, or one frame. */
export const MAX_HELD_TOPICS = 16_384;

/** `what` the broker did, and by which bound. */
export function beyondTolerance(what: string): PodbusError {
  return new PodbusError("limit", `whoever listens there does not keep to the protocol: ${what}`);
}

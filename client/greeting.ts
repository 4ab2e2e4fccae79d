// What the broker says of itself in its HELLO, with what counts where it leaves something out.

import type { Frame } from "../shared/codec/scan.ts";
import { readMap } from "../shared/codec/value.ts";
import { PodbusError } from "../shared/errors.ts";
import {
  DEFAULT_HEARTBEAT_MS,
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_STALL_MS,
  PROTOCOL_VERSION,
} from "../shared/protocol.ts";
import { badFrame, has, int } from "./elements.ts";

export interface Greeting {
  /** The broker's own identity: another one after its restart. */
  readonly broker: string;
  /** The number by which this connection is known. */
  readonly client: number;
  readonly auth: string;
  /** 16 bytes where `auth` is not "none"; not checked. */
  readonly nonce: unknown;
  readonly maxFrame: number;
  readonly heartbeatMs: number;
  readonly stallMs: number;
}

/** @throws PodbusError `bad_hello` for another version, `bad_frame` for what is no HELLO */
export function readGreeting(frame: Frame, buf: Buffer): Greeting {
  const version = int(frame, buf, 1, 0, Number.MAX_SAFE_INTEGER);
  if (version !== PROTOCOL_VERSION) {
    const message = `the broker speaks version ${version} of the protocol, and this client ${PROTOCOL_VERSION}; use matching versions`;
    throw new PodbusError("bad_hello", message);
  }
  const options = has(frame, buf, 2) ? readMap(buf, frame.at[2]!, frame.at[3]!, true) : {};
  if (options === undefined) throw badFrame(frame.op, "its options should be a map in ext 1");
  const { broker, client, auth, nonce, maxFrame, heartbeatMs, stallMs } = options;
  return {
    broker: typeof broker === "string" ? broker : "",
    client: positive(client, 0, Number.MAX_SAFE_INTEGER),
    auth: typeof auth === "string" ? auth : "none",
    nonce,
    maxFrame: positive(maxFrame, DEFAULT_MAX_FRAME_BYTES),
    heartbeatMs: positive(heartbeatMs, DEFAULT_HEARTBEAT_MS),
    stallMs: positive(stallMs, DEFAULT_STALL_MS),
  };
}

/** A number beyond what a broker can be told is not heeded: timers and buffers are made by it. */
function positive(value: unknown, fallback: number, most: number = 0x7fff_ffff): number {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= most
    ? (value as number)
    : fallback;
}

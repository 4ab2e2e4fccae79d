// Finds out whether a broker listens at an address: the broker speaks first, so one frame is read and nothing is written. A
// stranger that listens there sees a connection that comes and goes.

import { addAbortSignal } from "node:stream";

import { parseAddress } from "../../shared/address.ts";
import { isNil, readInt, readStr } from "../../shared/codec/read.ts";
import { Frame, Scan, scanFrame } from "../../shared/codec/scan.ts";
import { readMap } from "../../shared/codec/value.ts";
import { isWireCode } from "../../shared/errors.ts";
import { connectSocket } from "../../shared/os/connect.ts";
import { MAX_HELLO_BYTES, Op } from "../../shared/protocol.ts";

/** A broker greets at once; one that is too busy for this long is not waited for. */
const PATIENCE_MS = 300;

/** What a broker says of itself before it knows who asks. */
export interface Greeting {
  /** Undefined where it refuses. */
  readonly protocol: number | undefined;
  readonly broker: string | undefined;
  readonly auth: string | undefined;
  /** Why it does not let this process in; undefined where it greets. */
  readonly refused?: string;
}

/** The greeting of the broker that listens at `address`; undefined where it is no broker, or does not answer in time. */
export async function probe(address: string): Promise<Greeting | undefined> {
  try {
    const socket = addAbortSignal(AbortSignal.timeout(PATIENCE_MS), await connectSocket(parseAddress(address)));
    const frame = new Frame();
    let read: Buffer = Buffer.alloc(0);
    // Leaving the loop destroys the socket.
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      read = Buffer.concat([read, chunk]);
      const found = scanFrame(read, 0, read.length, MAX_HELLO_BYTES, frame);
      if (found === Scan.FRAME) return readGreeting(read, frame);
      if (found !== Scan.MORE) return undefined;
    }
    return undefined;
  } catch {
    return undefined; // it says nothing, nobody listens any more, or it may not be asked
  }
}

/** Of a whole frame; undefined where it is neither a HELLO with options nor the ERR of a broker that refuses. */
export function readGreeting(buf: Buffer, frame: Frame): Greeting | undefined {
  if (frame.op === Op.ERR && frame.count >= 4 && isNil(buf, frame.at[1]!)) {
    const code = readStr(buf, frame.at[2]!, frame.at[3]!);
    if (code === undefined || !isWireCode(code)) return undefined;
    return { protocol: undefined, broker: undefined, auth: undefined, refused: code };
  }
  if (frame.op !== Op.HELLO || frame.count < 3) return undefined;
  const protocol = readInt(buf, frame.at[1]!);
  const options = readMap(buf, frame.at[2]!, frame.at[3]!, true);
  if (Number.isNaN(protocol) || options === undefined) return undefined;
  const text = (key: string): string | undefined => (typeof options[key] === "string" ? options[key] : undefined);
  return { protocol, broker: text("broker"), auth: text("auth") };
}

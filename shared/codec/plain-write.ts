// Writes plain values, what JSON knows and bytes, as msgpack, straight into the writer. msgpackr can write them as well; it is
// bypassed because it packs into a buffer of its own that has to be copied, and takes about twice as long for small objects
// (docs/benchmarks.md, structured). What is not plain is other-write.ts's. Pure.

import type { FrameWriter } from "./write.ts";

/** Deeper than this is left to the other writer, which says what is wrong with it: a structure that holds itself, mostly. */
const MAX_DEPTH = 64;
/** The byte of ext type -1. */
const TIMESTAMP = 0xff;

/** False where `value` is not plain, or holds something that is not; what was written of it by then is for the caller to take back. */
export function writePlain(writer: FrameWriter, value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case "string":
      writer.str(value);
      return true;
    case "number":
      if (Number.isSafeInteger(value)) writer.int(value);
      else writer.float(value);
      return true;
    case "boolean":
      writer.bool(value);
      return true;
    case "undefined":
      writer.nil();
      return true;
    case "object":
      if (value === null) {
        writer.nil();
        return true;
      }
      return depth < MAX_DEPTH && writeObject(writer, value, depth + 1);
    default:
      return false;
  }
}

function writeObject(writer: FrameWriter, value: object, depth: number): boolean {
  if (Array.isArray(value)) {
    writer.array(value.length);
    for (let i = 0; i < value.length; i++) if (!writePlain(writer, value[i], depth)) return false;
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    const keys = Object.keys(value);
    writer.map(keys.length);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      writer.str(key);
      if (!writePlain(writer, (value as Record<string, unknown>)[key], depth)) return false;
    }
    return true;
  }
  if (value instanceof Uint8Array) writer.bin(value);
  else if (value instanceof Date) writeDate(writer, value.getTime());
  else return false;
  return true;
}

/** A timestamp (ext type -1): seconds, nanoseconds and seconds in one, or one after the other; the shortest that holds it. */
function writeDate(writer: FrameWriter, ms: number): void {
  // msgpackr would write one as an extension that nobody reads.
  if (Number.isNaN(ms)) throw new RangeError("it holds an invalid date");
  const seconds = Math.floor(ms / 1000);
  const nanoseconds = (ms - seconds * 1000) * 1e6;
  const body = Buffer.alloc(12);
  if (seconds >= 0 && seconds < 2 ** 34) {
    body.writeUInt32BE(nanoseconds * 4 + Math.floor(seconds / 2 ** 32));
    body.writeUInt32BE(seconds % 2 ** 32, 4);
    writer.ext(TIMESTAMP, nanoseconds === 0 && seconds < 2 ** 32 ? body.subarray(4, 8) : body.subarray(0, 8));
    return;
  }
  body.writeUInt32BE(nanoseconds);
  body.writeBigInt64BE(BigInt(seconds), 4);
  writer.ext(TIMESTAMP, body);
}

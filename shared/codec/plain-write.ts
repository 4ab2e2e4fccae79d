// Writes plain values, what JSON knows and bytes, as msgpack, straight into the writer. msgpackr can write them as well, and
// writes all else; it is bypassed here because it packs into a buffer of its own that has to be copied, and takes about twice as
// long for small objects (docs/benchmarks.md, structured). Pure.

import type { FrameWriter } from "./write.ts";

/** Deeper than this is left to msgpackr, which says what is wrong with it: a structure that holds itself, mostly. */
const MAX_DEPTH = 64;

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
  if (!(value instanceof Uint8Array)) return false;
  writer.bin(value);
  return true;
}

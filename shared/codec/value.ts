// Payloads, headers and options: JavaScript values to msgpack and back. Scalars are written and read here; structures
// travel in ext 1. Plain ones are written and read by files of their own, and so is what else can be sent. Pure.

import { PodbusError } from "../errors.ts";
import { EXT_VALUE } from "../protocol.ts";
import { bytesOf, fits64, Unsendable, writeOther } from "./other-write.ts";
import { readPlain, Unreadable } from "./plain-read.ts";
import { writePlain } from "./plain-write.ts";
import { binStart, decodeText, extStart, readInt, strStart } from "./read.ts";
import { readUint32 } from "./sizes.ts";
import type { FrameWriter } from "./write.ts";

/** A value of a header or option. */
export type Scalar = string | number | bigint | boolean | null | Uint8Array;
export type Headers = Record<string, Scalar>;

/**
 * Writes `data` as one payload element: bytes as bin, text as str, integers, floats, booleans and nil (null and undefined) as
 * themselves, all else as ext 1.
 * @throws PodbusError `bad_payload` where it can't be encoded; the writer is then as it was before.
 */
export function writePayload(writer: FrameWriter, data: unknown): void {
  switch (typeof data) {
    case "string":
      writer.str(data);
      return;
    case "number":
      if (Number.isSafeInteger(data) && !Object.is(data, -0)) writer.int(data);
      else writer.float(data);
      return;
    case "boolean":
      writer.bool(data);
      return;
    case "undefined":
      writer.nil();
      return;
    case "bigint":
      if (!fits64(data)) {
        throw new PodbusError("bad_payload", `a bigint of at most 64 bits was expected, not ${data}; send it as text`);
      }
      writer.bigint(data);
      return;
    case "object":
      if (data === null) writer.nil();
      else if (data instanceof Uint8Array) writer.bin(data);
      else if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) writer.bin(bytesOf(data));
      else writeValue(writer, data);
      return;
    default:
      throw new PodbusError("bad_payload", `a ${typeof data} can't be sent; send data`);
  }
}

/** Writes `value` as ext 1, whatever it is: options, headers, arguments of `$sys` topics. */
export function writeValue(writer: FrameWriter, value: unknown): void {
  const start = writer.beginExt();
  const body = writer.length;
  try {
    if (!writePlain(writer, value)) {
      writer.length = body;
      writeOther(writer, value);
    }
  } catch (cause) {
    writer.length = start;
    throw new PodbusError("bad_payload", `the value can't be encoded: ${whyNot(cause)}`, { cause });
  }
  writer.endExt(start, EXT_VALUE);
}

function whyNot(cause: unknown): string {
  const { message } = cause as Error;
  return cause instanceof Unsendable ? message : `${message}; send plain data`;
}

/**
 * The value of the payload element at `at`, which ends at `end`. bin is a view of `buf`, not a copy; integers beyond 2^53 are
 * bigints.
 * @throws PodbusError `bad_payload` where it is text that is not UTF-8, or an extension or structure that is not safe.
 */
export function readPayload(buf: Buffer, at: number, end: number): unknown {
  const byte = buf[at]!;
  const text = strStart(buf, at);
  if (text >= 0) {
    const value = decodeText(buf, text, end);
    if (value === undefined)
      throw new PodbusError("bad_payload", "the text is not well-formed UTF-8; read its bytes instead");
    return value;
  }
  const bin = binStart(buf, at);
  if (bin >= 0) return buf.subarray(bin, end);
  const ext = extStart(buf, at, EXT_VALUE);
  if (ext >= 0) return readValue(buf, ext, end);
  switch (byte) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xca:
      return buf.readFloatBE(at + 1);
    case 0xcb:
      return buf.readDoubleBE(at + 1);
    case 0xcf: {
      if (readUint32(buf, at + 1) >= 0x20_0000) return buf.readBigUInt64BE(at + 1);
      return readInt(buf, at);
    }
    case 0xd3: {
      const value = readInt(buf, at);
      return Number.isSafeInteger(value) ? value : buf.readBigInt64BE(at + 1);
    }
    default: {
      const value = readInt(buf, at);
      if (!Number.isNaN(value)) return value;
      return readValue(buf, at, end);
    }
  }
}

/** Where the bytes of the payload element at `at` begin: of a bin, a str or an ext 1 its body, of any other the encoded element. */
export function payloadStart(buf: Buffer, at: number): number {
  let start = binStart(buf, at);
  if (start < 0) start = strStart(buf, at);
  if (start < 0) start = extStart(buf, at, EXT_VALUE);
  return start < 0 ? at : start;
}

/** The one msgpack value in `buf[start … end)`. @throws PodbusError `bad_payload` where it is not one, or not safe. */
export function readValue(buf: Buffer, start: number, end: number): unknown {
  try {
    return readPlain(buf, start, end);
  } catch (cause) {
    if (!(cause instanceof Unreadable)) throw cause;
    const message = `the payload can't be decoded safely: ${cause.message}; read its bytes instead`;
    throw new PodbusError("bad_payload", message, { cause });
  }
}

/** Whether `text`, read from `buf[start … end)`, stands there as it is: msgpackr puts U+FFFD in place of what is no UTF-8. */
export function isFaithful(text: string, buf: Buffer, start: number, end: number): boolean {
  return !text.includes("\ufffd") || buf.subarray(start, end).includes(text);
}

/**
 * The map in the ext 1 element at `at`, or undefined where it is none: nil, of another type, not a map, or not safe.
 * @param passesOpaque has {@link OPAQUE} stand for values that are extensions of somebody else's: nobody may be going to look at them
 */
export function readMap(
  buf: Buffer,
  at: number,
  end: number,
  passesOpaque = false,
): Record<string, unknown> | undefined {
  const start = extStart(buf, at, EXT_VALUE);
  if (start < 0) return undefined;
  const byte = buf[start];
  if (byte === undefined || !((byte >= 0x80 && byte < 0x90) || byte === 0xde || byte === 0xdf)) return undefined;
  try {
    return readPlain(buf, start, end, passesOpaque) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

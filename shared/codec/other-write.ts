// Writes values that are not plain: maps, sets, large integers, instances, whatever has a toJSON, and all that holds one of them. The
// walk is our own, since msgpackr writes a typed array of wider elements as a byte an element and, behind them, whatever its buffer
// held before: other messages. It also bounds the depth, as our reader does: what nobody could read is refused here. msgpackr is left
// what holds nothing. Pure.

import { Packr } from "msgpackr/pack";

import { MAX_DEPTH } from "./plain-read.ts";
import { writePlain } from "./plain-write.ts";
import type { FrameWriter } from "./write.ts";

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });

/** Says what of a value can't be sent, and what to do instead. */
export class Unsendable extends Error {}

/** @throws Error that says what of it can't be sent; what was written by then is for the caller to take back. */
export function writeOther(writer: FrameWriter, value: unknown, depth = 0): void {
  if (typeof value === "bigint") {
    if (!fits64(value)) throw new Unsendable("it holds a bigint of more than 64 bits; send that as text");
    writer.bigint(value);
  } else if (typeof value === "object" && value !== null) {
    writeObject(writer, value, depth + 1);
  } else if (!writePlain(writer, value)) {
    writer.raw(packr.pack(value));
  }
}

export function fits64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value;
}

function writeObject(writer: FrameWriter, value: object, depth: number): void {
  if (depth > MAX_DEPTH) {
    throw new Unsendable(
      `it holds itself, or is nested deeper than ${MAX_DEPTH}; send it without that: ids, not references`,
    );
  }
  if (value instanceof Date || value instanceof Uint8Array) writePlain(writer, value);
  else if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) writer.bin(bytesOf(value));
  else if ("toJSON" in value && typeof value.toJSON === "function") writeOther(writer, value.toJSON(), depth);
  else if (Array.isArray(value)) writeItems(writer, value, depth);
  else if (value instanceof Map) writeEntries(writer, [...value], depth);
  else if (value instanceof Set) writeItems(writer, [...value], depth);
  else if (value instanceof Error) writeItems(writer, [value.name, value.message, value.cause], depth);
  else if (value instanceof RegExp) writer.raw(packr.pack(value));
  else writeEntries(writer, Object.entries(value), depth);
}

function writeItems(writer: FrameWriter, items: readonly unknown[], depth: number): void {
  writer.array(items.length);
  for (let i = 0; i < items.length; i++) writeOther(writer, items[i], depth); // holes as well
}

function writeEntries(writer: FrameWriter, entries: readonly (readonly [unknown, unknown])[], depth: number): void {
  writer.map(entries.length);
  for (const [key, value] of entries) {
    if (typeof key === "object" && key !== null) throw new TypeError("it holds a map with a key that is no scalar");
    writeOther(writer, key, depth);
    writeOther(writer, value, depth);
  }
}

/** The bytes that stand there, as {@link writer.bin} takes them. */
export function bytesOf(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  return value instanceof ArrayBuffer
    ? new Uint8Array(value)
    : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

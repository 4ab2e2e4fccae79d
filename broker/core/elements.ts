// Reads the elements of a scanned frame by the rules of their op: present or not, of the right type, in range. What is wrong with
// one is a bad_frame that says what was expected.

import type { Frame } from "../../shared/codec/scan.ts";
import { extStart, isNil, readInt, readStr, strStart } from "../../shared/codec/read.ts";
import { EXT_VALUE, MAX_ID } from "../../shared/protocol.ts";
import { badFrame } from "./failure.ts";

/** The `index`-th element must be there. */
export function need(frame: Frame, index: number, name: string): number {
  if (index >= frame.count) throw badFrame(`element ${index}, ${name}, is missing`);
  return frame.at[index]!;
}

/** Whether the optional `index`-th element is there and not nil. */
export function has(buf: Buffer, frame: Frame, index: number): boolean {
  return index < frame.count && !isNil(buf, frame.at[index]!);
}

/** An integer from `least` to `most`. */
export function needInt(buf: Buffer, frame: Frame, index: number, name: string, least: number, most: number): number {
  const value = readInt(buf, need(frame, index, name));
  if (!(value >= least && value <= most)) {
    const came = Number.isNaN(value) ? "another type" : value;
    throw badFrame(`element ${index}, ${name}, must be an integer from ${least} to ${most}, not ${came}`);
  }
  return value;
}

/** An `id` or `sid`. */
export function needId(buf: Buffer, frame: Frame, index: number, name: string): number {
  return needInt(buf, frame, index, name, 1, MAX_ID);
}

/** Where the text of a str begins; it ends where the element does. */
export function needStr(buf: Buffer, frame: Frame, index: number, name: string): number {
  const start = strStart(buf, need(frame, index, name));
  if (start < 0) throw badFrame(`element ${index}, ${name}, must be a str`);
  return start;
}

/** An optional str. Undefined where it is absent or not well-formed UTF-8. */
export function optionalStr(buf: Buffer, frame: Frame, index: number, name: string): string | undefined {
  if (!has(buf, frame, index)) return undefined;
  needStr(buf, frame, index, name);
  return readStr(buf, frame.at[index]!, frame.at[index + 1]!);
}

/** An optional ext 1: absent, nil or of that type. */
export function optionalMap(buf: Buffer, frame: Frame, index: number, name: string): void {
  if (has(buf, frame, index) && extStart(buf, frame.at[index]!, EXT_VALUE) < 0) {
    throw badFrame(`element ${index}, ${name}, must be an ext of type ${EXT_VALUE}`);
  }
}

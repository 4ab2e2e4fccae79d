// Reads the elements of the broker's frames, and refuses what can't be: `bad_frame`, with the op and what was expected.

import type { Frame } from "../shared/codec/scan.ts";
import { isNil, readInt, readStr } from "../shared/codec/read.ts";
import { PodbusError } from "../shared/errors.ts";
import { MAX_ID, Op } from "../shared/protocol.ts";

export function badFrame(op: number, expected: string): PodbusError {
  const name = Object.entries(Op).find(([, value]) => value === op)?.[0] ?? `op ${op}`;
  return new PodbusError("bad_frame", `the broker sent a ${name} frame that can't be: ${expected}`);
}

/** Whether the element is there and not nil. */
export function has(frame: Frame, buf: Buffer, index: number): boolean {
  return frame.count > index && !isNil(buf, frame.at[index]!);
}

/** @throws PodbusError `bad_frame` where it is not there, or no integer from `min` to `max` */
export function int(frame: Frame, buf: Buffer, index: number, min = 1, max: number = MAX_ID): number {
  const value = frame.count > index ? readInt(buf, frame.at[index]!) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw badFrame(frame.op, `element ${index} should be an integer from ${min} to ${max}`);
}

/** `fallback` where it is not there. */
export function optionalInt(
  frame: Frame,
  buf: Buffer,
  index: number,
  fallback: number,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  return has(frame, buf, index) ? int(frame, buf, index, min, max) : fallback;
}

/** @throws PodbusError `bad_frame` where it is not there, or not text */
export function str(frame: Frame, buf: Buffer, index: number): string {
  const value = frame.count > index ? readStr(buf, frame.at[index]!, frame.at[index + 1]!) : undefined;
  if (value === undefined) throw badFrame(frame.op, `element ${index} should be text`);
  return value;
}

/** Undefined where it is not there. */
export function optionalStr(frame: Frame, buf: Buffer, index: number): string | undefined {
  return has(frame, buf, index) ? str(frame, buf, index) : undefined;
}

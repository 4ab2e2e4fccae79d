// A message as the oracle knows it: what its publisher sent, byte for byte, and the headers that queues heed.

import { copyOf } from "../bytes.ts";
import { mapOf, type Read } from "../wire.ts";

export interface Message {
  readonly uid: number;
  readonly topic: string;
  /** The frame, as it was sent. */
  readonly bytes: Buffer;
  readonly atMs: number;
  readonly id: string | undefined;
  readonly key: string | undefined;
  readonly ttlMs: number | undefined;
  readonly delayMs: number | undefined;
  /** Whether the broker may have refused it, its publisher being the one that would have to empty what is full. */
  readonly isRefusable: boolean;
  /** Some receiver did not get it, without a GAP: so it was refused, and nobody may get it. */
  isRefused: boolean;
  isTaken: boolean;
  /** Others may have had their turn before it was acted upon: its place among theirs is not known. */
  isLoose: boolean;
}

export function readMessage(frame: Read, buf: Buffer, atMs: number, isRefusable: boolean): Message {
  const headers = frame.elements.length > 3 ? mapOf(frame.elements[3]) : undefined;
  const text = (value: unknown): string | undefined =>
    typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  const ms = (value: unknown): number | undefined => (typeof value === "number" && value >= 0 ? value : undefined);
  return {
    uid: frame.uid,
    topic: frame.elements[1] as string,
    bytes: copyOf(buf, frame.start, frame.end),
    atMs,
    id: text(headers?.["id"]),
    key: text(headers?.["key"]),
    ttlMs: ms(headers?.["ttlMs"]),
    delayMs: ms(headers?.["delayMs"]),
    isRefusable,
    isRefused: false,
    isTaken: false,
    isLoose: false,
  };
}

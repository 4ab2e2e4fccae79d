// How durable things are laid out as keys and values. A key is a letter, the queue's number, and what it is about there; each
// value but the version stands behind a CRC-32 of its key and itself, so that nothing damaged is served:
//
//   q QQQQ           a queue: JSON of its name, pattern and options
//   m QQQQ OOOOOOOO  messages: consecutive frames from order O on
//   s QQQQ OOOOOOOO  of those messages, the ranges that are settled: pairs of 32-bit offsets from O
//   a QQQQ OOOOOOOO  one message: the attempts it has had
//   t QQQQ OOOOOOOO  one message: not before, not after, as two doubles of wall-clock ms
//   i QQQQ ID        a message id that was taken: until when it is known, a double of wall-clock ms
//   r TOPIC          a retained value: its frame
//   v                the version of this layout

import { crc32 } from "node:zlib";

export const VERSION_KEY = "v";
export const LAYOUT_VERSION = "1";

export type QueueKeyKind = "m" | "s" | "a" | "t";

export function queueKey(queue: number): string {
  return `q${uint32(queue)}`;
}

export function orderKey(kind: QueueKeyKind, queue: number, order: number): string {
  return `${kind}${uint32(queue)}${uint32(Math.floor(order / 0x1_0000_0000))}${uint32(order % 0x1_0000_0000)}`;
}

export function idKey(queue: number, id: string): string {
  return `i${uint32(queue)}${Buffer.from(id).toString("latin1")}`;
}

export function retainedKey(topic: string): string {
  return `r${Buffer.from(topic).toString("latin1")}`;
}

export function readQueueNumber(key: string): number {
  return readUint32(key, 1);
}

export function readOrder(key: string): number {
  return readUint32(key, 5) * 0x1_0000_0000 + readUint32(key, 9);
}

export function readText(key: string, from: number): string {
  return Buffer.from(key.slice(from), "latin1").toString("utf8");
}

/** `buf[start … end)` behind a checksum over it and its key. */
export function seal(key: string, buf: Buffer, start: number, end: number): Buffer {
  const value = Buffer.allocUnsafeSlow(4 + end - start);
  buf.copy(value, 4, start, end);
  value.writeUInt32BE(checksum(key, value), 0);
  return value;
}

/** All of `value` behind a checksum. */
export function sealed(key: string, value: Buffer): Buffer {
  return seal(key, value, 0, value.length);
}

/** What was sealed, or undefined where it is damaged. A view. */
export function unseal(key: string, value: Buffer): Buffer | undefined {
  if (value.length < 4 || value.readUInt32BE(0) !== checksum(key, value)) return undefined;
  return value.subarray(4);
}

function checksum(key: string, value: Buffer): number {
  return crc32(value.subarray(4), crc32(Buffer.from(key, "latin1")));
}

function uint32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

function readUint32(key: string, at: number): number {
  return (
    key.charCodeAt(at) * 0x1000000 +
    ((key.charCodeAt(at + 1) << 16) | (key.charCodeAt(at + 2) << 8) | key.charCodeAt(at + 3))
  );
}

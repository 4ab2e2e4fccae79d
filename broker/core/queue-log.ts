// A durable queue's part of the disk: which messages are there, as the runs in which they were written, and which of them are settled.
//
//   record   order 100, 64 messages    │▓▓▓▓▓▓▓▓▓▓▓▓░░░▓▓▓░░░░░░░░░│   ▓ settled: kept as ranges beside the record
//   record   order 164, 12 messages    │░░░░░░░░░░░░│                    a record goes when the last of it is settled
//
// Cost: a record a run, not a message.

import type { PooledChunk } from "./chunks.ts";
import type { Durability } from "./durability.ts";
import { idKey, orderKey, queueKey, seal, sealed } from "./durable-keys.ts";
import type { QueueOptions } from "./queue-options.ts";

/** Offsets from a record's order, from and to, the latter excluded. */
type Range = [number, number];

interface Record {
  readonly order: number;
  readonly count: number;
  left: number;
  readonly settled: Range[];
}

export class QueueLog {
  readonly #durability: Durability;
  readonly #number: number;
  /** By order. */
  #records: Record[] = [];
  #head = 0;
  /** Of those from #head on, how many are settled as a whole: something in front of them is not. */
  #settledRecords = 0;
  /** Messages that have an attempt, or a time, on disk. */
  readonly #noted = { a: new Set<number>(), t: new Set<number>() };

  constructor(durability: Durability, number: number) {
    this.#durability = durability;
    this.#number = number;
  }

  /** The queue itself, as it is to be made again. */
  describe(name: string, pattern: string, options: QueueOptions): void {
    const key = queueKey(this.#number);
    this.#durability.put(key, sealed(key, Buffer.from(JSON.stringify({ name, pattern, options }))));
  }

  /** `count` messages from `order` on are in `chunk.buf[start … end)`. */
  append(chunk: PooledChunk, start: number, end: number, count: number, order: number): void {
    const key = orderKey("m", this.#number, order);
    this.#durability.put(key, seal(key, chunk.buf, start, end), true);
    this.recall(order, count, []);
  }

  /** A record that is on disk already. */
  recall(order: number, count: number, settled: Range[]): void {
    const left = settled.reduce((sum, [from, to]) => sum - (to - from), count);
    if (left === 0) this.#settledRecords++;
    this.#records.push({ order, count, left, settled });
  }

  /** `count` messages from `order` on are settled, dropped or dead. Those that are not here are passed over. */
  settle(order: number, count: number): void {
    const end = order + count;
    for (let index = this.#indexOf(order); index < this.#records.length; index++) {
      const record = this.#records[index]!;
      if (record.order >= end) break;
      const from = Math.max(order, record.order) - record.order;
      const to = Math.min(end, record.order + record.count) - record.order;
      if (to > from && record.left > 0) this.#settle(record, from, to);
    }
    for (const kind of ["a", "t"] as const) this.#forgetNotes(kind, order, end);
    this.#dropSettled();
  }

  attempts(order: number, attempt: number): void {
    this.#noted.a.add(order);
    const value = Buffer.allocUnsafe(4);
    value.writeUInt32BE(attempt);
    const key = orderKey("a", this.#number, order);
    this.#durability.put(key, sealed(key, value));
  }

  /** Wall-clock ms; 0 and Infinity where there is no limit. */
  times(order: number, notBeforeMs: number, notAfterMs: number): void {
    const isNew = !this.#noted.t.has(order);
    this.#noted.t.add(order);
    const value = Buffer.allocUnsafe(16);
    value.writeDoubleBE(notBeforeMs, 0);
    value.writeDoubleBE(notAfterMs, 8);
    const key = orderKey("t", this.#number, order);
    this.#durability.put(key, sealed(key, value), isNew);
  }

  /** What is on disk already. */
  recallNote(kind: "a" | "t", order: number): void {
    this.#noted[kind].add(order);
  }

  tookId(id: string, untilMs: number): void {
    const value = Buffer.allocUnsafe(8);
    value.writeDoubleBE(untilMs);
    const key = idKey(this.#number, id);
    this.#durability.put(key, sealed(key, value));
  }

  /** A message id came that is known: that it was taken may not be on disk yet. */
  knewId(): void {
    this.#durability.dependsOnAll();
  }

  forgetId(id: string): void {
    this.#durability.remove(idKey(this.#number, id));
  }

  /** The queue is no more. */
  end(): void {
    this.settle(0, Number.MAX_SAFE_INTEGER);
    this.#durability.remove(queueKey(this.#number));
  }

  #settle(record: Record, from: number, to: number): void {
    // The usual case: it goes on where the first range ends.
    const [first] = record.settled;
    if (first !== undefined && first[1] === from && record.settled.length === 1) {
      first[1] = to;
      record.left -= to - from;
    } else {
      record.settled.push([from, to]);
      mergeRanges(record.settled);
      record.left = record.settled.reduce((left, range) => left - (range[1] - range[0]), record.count);
    }
    if (record.left > 0) return this.#putSettled(record);
    this.#settledRecords++;
    this.#removeRecord(record);
  }

  #putSettled(record: Record): void {
    const key = orderKey("s", this.#number, record.order);
    this.#durability.put(key, sealed(key, encodeRanges(record.settled)));
  }

  #removeRecord(record: Record): void {
    this.#durability.remove(orderKey("m", this.#number, record.order));
    this.#durability.remove(orderKey("s", this.#number, record.order));
  }

  #forgetNotes(kind: "a" | "t", order: number, end: number): void {
    const noted = this.#noted[kind];
    if (noted.size === 0) return;
    const gone =
      end - order < noted.size
        ? Array.from({ length: end - order }, (_, i) => order + i).filter((it) => noted.has(it))
        : [...noted].filter((it) => it >= order && it < end);
    for (const it of gone) {
      noted.delete(it);
      this.#durability.remove(orderKey(kind, this.#number, it));
    }
  }

  /** Records in front that are settled go; the rest is moved up when it is the smaller part. */
  #dropSettled(): void {
    for (; this.#head < this.#records.length && this.#records[this.#head]!.left === 0; this.#head++) {
      this.#settledRecords--;
    }
    if ((this.#head + this.#settledRecords) * 2 <= this.#records.length) return;
    this.#records = this.#records.slice(this.#head).filter((record) => record.left > 0);
    this.#head = this.#settledRecords = 0;
  }

  /** Where the record is that holds `order`, or else the first behind it. */
  #indexOf(order: number): number {
    let low = this.#head;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const record = this.#records[middle]!;
      if (record.order + record.count <= order) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Sorts ranges and joins those that meet, in place. */
function mergeRanges(ranges: Range[]): void {
  ranges.sort((a, b) => a[0] - b[0]);
  let kept = 0;
  for (let i = 1; i < ranges.length; i++) {
    const last = ranges[kept]!;
    const next = ranges[i]!;
    if (next[0] <= last[1]) last[1] = Math.max(last[1], next[1]);
    else ranges[++kept] = next;
  }
  ranges.length = Math.min(ranges.length, kept + 1);
}

function encodeRanges(ranges: readonly Range[]): Buffer {
  const value = Buffer.allocUnsafe(ranges.length * 8);
  ranges.forEach(([from, to], i) => {
    value.writeUInt32BE(from, i * 8);
    value.writeUInt32BE(to, i * 8 + 4);
  });
  return value;
}

export function decodeRanges(value: Buffer): Range[] {
  const ranges: Range[] = [];
  for (let at = 0; at + 8 <= value.length; at += 8) ranges.push([value.readUInt32BE(at), value.readUInt32BE(at + 4)]);
  return ranges;
}

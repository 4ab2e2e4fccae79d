import { describe, expect, test } from "vitest";

import { readInto, type Scan, scanLines, scanRecords } from "../../../../bench/relay/reader.ts";

/** Has `bytes` read in pieces of that many. */
function feed(scan: Scan, bytes: Buffer, piece: number): void {
  const { buffer, callback } = readInto(scan);
  for (let at = 0; at < bytes.length;) {
    const room = (buffer as () => Uint8Array)();
    const taken = bytes.copy(room, 0, at, Math.min(at + piece, bytes.length));
    at += taken;
    callback(taken, room);
  }
}

describe("records", () => {
  const payloads = [1, 0, 300, 700_000, 2].map((size, i) => Buffer.alloc(size, i + 1));
  const stream = Buffer.concat(
    payloads.flatMap((payload) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(payload.length);
      return [length, payload];
    }),
  );

  test.each([1, 7, 4096, 1_000_000])("are found in reads of %i bytes", (piece) => {
    const found: Buffer[] = [];
    feed(
      scanRecords((buf, start, end) => void found.push(Buffer.from(buf.subarray(start, end)))),
      stream,
      piece,
    );
    expect(found.map(({ length }) => length)).toEqual(payloads.map(({ length }) => length));
    expect(Buffer.concat(found).equals(Buffer.concat(payloads))).toBe(true);
  });
});

describe("lines", () => {
  const values = [{ a: "ä€\n" }, 1, null, { deep: [1, 2] }];
  const stream = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(""));

  test.each([1, 2, 5, 4096])("are found in reads of %i bytes", (piece) => {
    const found: unknown[] = [];
    feed(
      scanLines((value) => void found.push(value)),
      stream,
      piece,
    );
    expect(found).toEqual(values);
  });
});

// Changes bytes as fuzzers do: bits, runs, lengths, pieces of other inputs. It knows nothing of msgpack but which bytes matter in it.

import type { Random } from "../random.ts";

/** First bytes of every kind of value, and lengths at the edges. */
const MARKS = [
  0x00, 0x01, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x91, 0x9f, 0xa0, 0xa1, 0xbf, 0xc0, 0xc1, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8,
  0xc9, 0xca, 0xcb, 0xcc, 0xcf, 0xd0, 0xd3, 0xd4, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xfe, 0xff,
  0x72,
];
const MAX_BYTES = 8192;

/** `bytes`, changed in one to four places. `others` are inputs to take pieces from. */
export function mutate(random: Random, bytes: Buffer, others: readonly Buffer[]): Buffer {
  let out: Buffer = Buffer.from(bytes);
  for (let left = 1 + random.small(4); left > 0; left--) out = change(random, out, others);
  return out.length > MAX_BYTES ? out.subarray(0, MAX_BYTES) : out;
}

function change(random: Random, bytes: Buffer, others: readonly Buffer[]): Buffer {
  const at = random.below(bytes.length + 1);
  const count = Math.min(bytes.length - at, 1 + random.small(16));
  switch (random.below(9)) {
    case 0: // a bit
      if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << random.below(8));
      return bytes;
    case 1: // a byte that matters
    case 2:
      if (at < bytes.length) bytes[at] = random.pick(MARKS);
      return bytes;
    case 3: // one less, one more
      if (at < bytes.length) bytes[at] = bytes[at]! + (random.once(2) ? 1 : -1);
      return bytes;
    case 4: // a run out
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)]);
    case 5: // a run in
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.alloc(1 + random.small(40), random.pick(MARKS)),
        bytes.subarray(at),
      ]);
    case 6: // a run twice
      return Buffer.concat([bytes.subarray(0, at + count), bytes.subarray(at)]);
    case 7: // cut off
      return bytes.subarray(0, at);
    default: {
      const other = others.length > 0 ? random.pick(others) : bytes;
      const from = random.below(other.length + 1);
      const piece = other.subarray(from, from + 1 + random.small(200));
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(random.once(2) ? at : at + count)]);
    }
  }
}

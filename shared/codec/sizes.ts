// How large a msgpack value is, told by its first byte. The one table behind the frame scanner and the check of values.

/**
 * Bytes of a scalar by its first byte, header included: above 0 the whole size; 0 not a scalar (an array, a map, or 0xc1, which
 * is never used); below 0 the size of the header, negated, the length standing right behind the first byte.
 */
export const SIZE: Int8Array = new Int8Array(256);

/** For scalars of variable size: how many bytes hold the length. */
export const LENGTH_BYTES: Uint8Array = new Uint8Array(256);

for (let byte = 0; byte < 0x80; byte++) SIZE[byte] = 1; // positive fixint
for (let byte = 0xa0; byte < 0xc0; byte++) SIZE[byte] = 1 + (byte & 0x1f); // fixstr
for (let byte = 0xe0; byte < 0x100; byte++) SIZE[byte] = 1; // negative fixint
for (const [byte, size] of [
  [0xc0, 1], // nil
  [0xc2, 1], // false
  [0xc3, 1], // true
  [0xca, 5], // float 32
  [0xcb, 9], // float 64
  [0xcc, 2], // uint 8 to 64
  [0xcd, 3],
  [0xce, 5],
  [0xcf, 9],
  [0xd0, 2], // int 8 to 64
  [0xd1, 3],
  [0xd2, 5],
  [0xd3, 9],
  [0xd4, 3], // fixext 1 to 16
  [0xd5, 4],
  [0xd6, 6],
  [0xd7, 10],
  [0xd8, 18],
] as const) {
  SIZE[byte] = size;
}
for (const [byte, lengthBytes, header] of [
  [0xc4, 1, 2], // bin 8 to 32
  [0xc5, 2, 3],
  [0xc6, 4, 5],
  [0xc7, 1, 3], // ext 8 to 32: the type stands behind the length
  [0xc8, 2, 4],
  [0xc9, 4, 6],
  [0xd9, 1, 2], // str 8 to 32
  [0xda, 2, 3],
  [0xdb, 4, 5],
] as const) {
  SIZE[byte] = -header;
  LENGTH_BYTES[byte] = lengthBytes;
}

/** An unsigned big-endian integer of 1, 2 or 4 bytes. */
export function readLength(buf: Uint8Array, at: number, bytes: number): number {
  if (bytes === 1) return buf[at]!;
  if (bytes === 2) return (buf[at]! << 8) | buf[at + 1]!;
  return readUint32(buf, at);
}

/** An unsigned big-endian integer of 4 bytes. */
export function readUint32(buf: Uint8Array, at: number): number {
  return buf[at]! * 0x1000000 + ((buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!);
}

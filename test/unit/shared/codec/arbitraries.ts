// Arbitrary frames and values for property tests, in every width that msgpack allows.

import * as fc from "fast-check";

/** Bytes of a header: the code for the width, and the length in it. */
function sized(code: number, lengthBytes: number, length: number, type?: number): Buffer {
  const out = Buffer.alloc(1 + lengthBytes + (type === undefined ? 0 : 1));
  out[0] = code;
  out.writeUIntBE(length, 1, lengthBytes);
  if (type !== undefined) out.writeUInt8(type, 1 + lengthBytes);
  return out;
}

function int(code: number, bytes: number, value: bigint): Buffer {
  const out = Buffer.alloc(1 + bytes);
  out[0] = code;
  for (let i = bytes, rest = BigInt.asUintN(64, value); i > 0; i--, rest >>= 8n) out[i] = Number(rest & 0xffn);
  return out;
}

const WIDTHS = [1, 2, 4] as const;
const body: fc.Arbitrary<Buffer> = fc.uint8Array({ maxLength: 70 }).map((bytes) => Buffer.from(bytes));
const text: fc.Arbitrary<string> = fc.string({ unit: "grapheme", maxLength: 12 });

/** An encoded scalar, with what it is for JavaScript where that is plain. */
export interface Scalar {
  readonly bytes: Buffer;
  readonly value: unknown;
}

const scalars: fc.Arbitrary<Scalar>[] = [
  fc.constant({ bytes: Buffer.of(0xc0), value: null }),
  fc.boolean().map((value) => ({ bytes: Buffer.of(value ? 0xc3 : 0xc2), value })),
  fc.integer({ min: -32, max: 127 }).map((value) => ({ bytes: Buffer.of(value & 0xff), value })),
  ...([0, 1, 2, 3] as const).flatMap((power) => {
    const bits = 8n << BigInt(power);
    const safe = (value: bigint): unknown => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
    return [
      fc
        .bigInt({ min: 0n, max: (1n << bits) - 1n })
        .map((value) => ({ bytes: int(0xcc + power, 1 << power, value), value: safe(value) })),
      fc
        .bigInt({ min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n })
        .map((value) => ({ bytes: int(0xd0 + power, 1 << power, value), value: safe(value) })),
    ];
  }),
  fc.double({ noNaN: true }).map((value) => {
    const bytes = Buffer.alloc(9, 0xcb);
    bytes.writeDoubleBE(value, 1);
    return { bytes, value };
  }),
  fc.float({ noNaN: true }).map((value) => {
    const bytes = Buffer.alloc(5, 0xca);
    bytes.writeFloatBE(value, 1);
    return { bytes, value };
  }),
  fc.tuple(text, fc.integer({ min: -1, max: 2 })).map(([value, width]) => {
    const bytes = Buffer.from(value);
    const header =
      width < 0 && bytes.length < 32
        ? Buffer.of(0xa0 | bytes.length)
        : sized(0xd9 + Math.max(0, width), WIDTHS[Math.max(0, width)]!, bytes.length);
    return { bytes: Buffer.concat([header, bytes]), value };
  }),
  fc.tuple(body, fc.nat({ max: 2 })).map(([value, width]) => ({
    bytes: Buffer.concat([sized(0xc4 + width, WIDTHS[width]!, value.length), value]),
    value,
  })),
];

/** Any scalar that has a plain meaning. */
export const plainScalar: fc.Arbitrary<Scalar> = fc.oneof(...scalars);

const ext: fc.Arbitrary<Scalar> = fc.oneof(
  fc.tuple(body, fc.nat({ max: 2 }), fc.nat({ max: 255 })).map(([bytes, width, type]) => ({
    bytes: Buffer.concat([sized(0xc7 + width, WIDTHS[width]!, bytes.length, type), bytes]),
    value: undefined,
  })),
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 255 })).map(([power, type]) => ({
    bytes: Buffer.concat([Buffer.of(0xd4 + power, type), Buffer.alloc(1 << power, power)]),
    value: undefined,
  })),
);

/** Any scalar, extensions among them. */
export const scalar: fc.Arbitrary<Scalar> = fc.oneof({ weight: 4, arbitrary: plainScalar }, ext);

/** A frame in any of the header's widths. */
export interface AnyFrame {
  readonly bytes: Buffer;
  readonly elements: readonly Scalar[];
  /** Where each element begins. */
  readonly at: readonly number[];
}

export function makeFrame(elements: readonly Scalar[], width: number): AnyFrame {
  const count = elements.length;
  let header: Buffer = Buffer.of(0x90 | count);
  if (width === 1 || (width === 0 && count > 15)) header = sized(0xdc, 2, count);
  else if (width === 2) header = sized(0xdd, 4, count);
  const at: number[] = [];
  let end = header.length;
  for (const { bytes } of elements) {
    at.push(end);
    end += bytes.length;
  }
  return { bytes: Buffer.concat([header, ...elements.map(({ bytes }) => bytes)]), elements, at };
}

export const anyFrame: fc.Arbitrary<AnyFrame> = fc
  .tuple(fc.array(scalar, { minLength: 1, maxLength: 64, size: "small" }), fc.nat({ max: 2 }))
  .map(([elements, width]) => makeFrame(elements, width));

/** Inside a structure the sign of zero is lost: msgpackr writes it as the integer 0. */
const nestedDouble: fc.Arbitrary<number> = fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0));

/** A structure as an application sends one: portable types only. */
export const structure: fc.Arbitrary<unknown> = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), fc.maxSafeInteger(), nestedDouble, text),
    fc.array(tie("any"), { maxLength: 5 }),
    fc.dictionary(fc.string({ maxLength: 6 }), tie("any"), { maxKeys: 5, noNullPrototype: true }),
  ),
})).any;

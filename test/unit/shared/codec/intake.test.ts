import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { type Chunk, type ChunkSource, Intake } from "../../../../shared/codec/intake.ts";
import { Frame, Scan } from "../../../../shared/codec/scan.ts";
import { anyFrame, makeFrame } from "./arbitraries.ts";

class TestChunk implements Chunk {
  readonly buf: Buffer;
  owners = 1;

  constructor(bytes: number) {
    this.buf = Buffer.alloc(bytes, 0xc1);
  }

  get shared(): boolean {
    return this.owners > 1;
  }

  retain(): void {
    this.owners++;
  }

  release(): void {
    if (--this.owners < 0) throw new Error("released too often");
    if (this.owners === 0) this.buf.fill(0xc1); // whoever looks at it now is found out
  }
}

class Source implements ChunkSource {
  readonly taken: TestChunk[] = [];

  take(bytes: number): TestChunk {
    const chunk = new TestChunk(bytes);
    this.taken.push(chunk);
    return chunk;
  }

  get heldBytes(): number {
    return this.taken.reduce((sum, chunk) => sum + (chunk.owners > 0 ? chunk.buf.length : 0), 0);
  }
}

interface Feeding {
  source: Source;
  frames: Buffer[];
  result: Scan;
  intake: Intake;
}

/**
 * Feeds `bytes` in pieces, as a transport does: as much as there is room for. Where `keeps` says so of a frame it is kept as a
 * range of its chunk, to be looked at when all is over; the others are copied at once.
 */
function feed(
  bytes: Buffer,
  pieces: readonly number[],
  keeps: (index: number) => boolean,
  maxFrame = 1 << 24,
): Feeding {
  const source = new Source();
  const intake = new Intake(source, maxFrame);
  const frame = new Frame();
  const frames: (() => Buffer)[] = [];
  const kept: TestChunk[] = [];
  let result: Scan = Scan.MORE;
  for (let at = 0, piece = 0; at < bytes.length; piece++) {
    const room = intake.room();
    expect(room.length).toBeGreaterThan(0);
    const count = Math.min(room.length, pieces[piece % pieces.length]!, bytes.length - at);
    bytes.copy(room, 0, at, at + count);
    at += count;
    intake.filled(count);
    while ((result = intake.next(frame)) === Scan.FRAME) {
      const chunk = intake.chunk as TestChunk;
      const { start, end } = frame;
      if (keeps(frames.length)) {
        chunk.retain();
        kept.push(chunk);
        frames.push(() => Buffer.from(chunk.buf.subarray(start, end)));
      } else {
        const copy = Buffer.from(chunk.buf.subarray(start, end));
        frames.push(() => copy);
      }
    }
    if (result !== Scan.MORE) break;
  }
  const seen = frames.map((get) => get());
  for (const chunk of kept) chunk.release();
  return { source, frames: seen, result, intake };
}

const big = (bytes: number): ReturnType<typeof makeFrame> => {
  const header = Buffer.alloc(5, 0xc6);
  header.writeUInt32BE(bytes, 1);
  return makeFrame([{ bytes: Buffer.concat([header, Buffer.alloc(bytes, 7)]), value: undefined }], 0);
};

const stream = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: anyFrame },
    fc.constantFrom(1000, 3000, 4090, 5000, 20_000, 66_000, 200_000).map(big),
  ),
  { minLength: 1, maxLength: 30 },
);
const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 100_000 })), {
  minLength: 1,
  maxLength: 5,
});

describe("properties", () => {
  test("however the bytes come, the frames are those that were sent, kept ones too", () => {
    fc.assert(
      fc.property(stream, pieces, fc.nat({ max: 3 }), (sent, sizes, every) => {
        const { frames, result, source, intake } = feed(
          Buffer.concat(sent.map((each) => each.bytes)),
          sizes,
          (index) => every > 0 && index % every === 0,
        );
        expect(result).toBe(Scan.MORE);
        expect(frames).toHaveLength(sent.length);
        for (const [i, each] of sent.entries()) expect(frames[i]!.equals(each.bytes)).toBe(true);
        expect(intake.pendingBytes).toBe(0);
        intake.close();
        expect(source.heldBytes).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test("split at every offset", () => {
    const sent = [
      makeFrame([{ bytes: Buffer.of(1), value: 1 }], 0),
      big(300),
      makeFrame([{ bytes: Buffer.of(0xcc, 200), value: 200 }], 2),
    ];
    const bytes = Buffer.concat(sent.map((each) => each.bytes));
    for (let cut = 1; cut < bytes.length; cut++) {
      const { frames } = feed(bytes, [cut, bytes.length], () => true);
      expect(frames.map((each) => each.length)).toEqual(sent.map((each) => each.bytes.length));
    }
  });
});

describe("bounds", () => {
  test("a frame that is too large is told from its header, and costs a small chunk", () => {
    const { result, source } = feed(big(100_000).bytes.subarray(0, 20), [20], () => false, 50_000);
    expect(result).toBe(Scan.TOO_LARGE);
    expect(source.heldBytes).toBeLessThan(10_000);
  });

  test("sixteen megabytes that are announced, and do not come, cost a mebibyte at the most", () => {
    const { result, source, intake } = feed(big(16_000_000).bytes.subarray(0, 100), [100], () => false);
    expect(result).toBe(Scan.MORE);
    intake.room();
    expect(source.heldBytes).toBeLessThanOrEqual(1024 * 1024);
  });

  test("an idle connection keeps a small chunk; one that was filled makes way for one of the usual size", () => {
    const small = makeFrame([{ bytes: Buffer.of(1), value: 1 }], 0).bytes;
    const idle = feed(small, [2], () => false);
    expect(idle.source.heldBytes).toBe(4096);
    const busy = feed(Buffer.concat(Array.from({ length: 20_000 }, () => small)), [100_000], () => false);
    expect(busy.source.heldBytes).toBeGreaterThanOrEqual(64 * 1024);
    expect(busy.source.taken.length).toBeLessThan(4);
  });

  test("a chunk that nobody keeps is used again and again", () => {
    const small = makeFrame([{ bytes: Buffer.of(1), value: 1 }], 0).bytes;
    const { source } = feed(Buffer.concat(Array.from({ length: 5000 }, () => small)), [7], () => false);
    expect(source.taken).toHaveLength(1);
  });

  test("one that was made for a large frame is used again for large ones, and let go of when small ones come", () => {
    const large = big(8_000_000).bytes;
    const small = makeFrame([{ bytes: Buffer.of(1), value: 1 }], 0).bytes;
    const many = feed(Buffer.concat([large, large, large, large]), [200_000], () => false);
    expect(Math.max(...many.source.taken.map(({ buf }) => buf.length))).toBeGreaterThan(8_000_000);
    expect(many.source.taken.filter(({ buf }) => buf.length > 8_000_000)).toHaveLength(1);
    const { source, intake } = feed(
      Buffer.concat([large, ...Array.from({ length: 100 }, () => small)]),
      [97],
      () => false,
    );
    intake.room();
    expect(source.heldBytes).toBeLessThanOrEqual(256 * 1024);
  });

  test("the first op of what is not whole", () => {
    const first = (hex: string): number => feed(Buffer.from(hex, "hex"), [100], () => false).intake.firstOp();
    expect(first("9301a1")).toBe(1);
    expect(first("dc000311")).toBe(17);
    expect(first("93")).toBe(-1);
  });

  test("nothing at all is more to come, and needs a byte", () => {
    const intake = new Intake(new Source(), 100);
    expect(intake.next(new Frame())).toBe(Scan.MORE);
    expect(intake.pendingBytes).toBe(0);
  });
});

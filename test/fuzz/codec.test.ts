// Hostile bytes against the codec: whatever comes, it is read, or refused by a result or an error of podbus, in time and memory that go
// with its length; and what is decoded holds nothing that reaches beyond itself.

import { isDeepStrictEqual } from "node:util";

import { expect, test } from "vitest";

import { type Chunk, Intake } from "../../shared/codec/intake.ts";
import { readPlain, Unreadable } from "../../shared/codec/plain-read.ts";
import { Frame, Scan, scanFrame } from "../../shared/codec/scan.ts";
import { payloadStart, readMap, readPayload, writePayload } from "../../shared/codec/value.ts";
import { FrameWriter } from "../../shared/codec/write.ts";
import { PodbusError } from "../../shared/errors.ts";
import { MAX_ELEMENTS } from "../../shared/protocol.ts";
import { campaign, smallerBytes, type Target } from "../support/fuzz/campaign.ts";
import { checkDecoded, checkPrototypes } from "../support/fuzz/decoded.ts";
import { Grammar } from "../support/fuzz/grammar.ts";
import { mutate } from "../support/fuzz/mutate.ts";
import { Random } from "../support/random.ts";
import { recordedFrames, recordedSessions } from "../support/fuzz/recorded.ts";

const MAX_FRAME = 4096;
const FILES = ["/shared/codec/"];

const bytesTarget = (
  some: Pick<Target<Buffer>, "name" | "inputs" | "seeds" | "run"> & { make: Target<Buffer>["make"] },
): Target<Buffer> => ({
  ...some,
  files: FILES,
  smaller: smallerBytes,
  toJson: (bytes) => bytes.toString("hex"),
  fromJson: (hex) => Buffer.from(hex as string, "hex"),
});

const frame = new Frame();

/** What a whole frame must be, and what is promised of one that is not. */
function checkScan(bytes: Buffer, start: number, limit: number): Scan {
  const scan = scanFrame(bytes, start, limit, MAX_FRAME, frame);
  if (scan === Scan.MORE) {
    expectThat(frame.need > limit - start, `${frame.need} bytes are needed, and ${limit - start} are there`);
    expectThat(frame.need <= MAX_FRAME, `${frame.need} bytes are waited for`);
  } else if (scan === Scan.FRAME) {
    const { at, count, end } = frame;
    expectThat(count >= 1 && count <= MAX_ELEMENTS, `${count} elements`);
    expectThat(end <= limit && end - start <= MAX_FRAME && at[count] === end, `it ends at ${end}`);
    for (let i = 0; i < count; i++) expectThat(at[i]! > start && at[i]! < at[i + 1]!, `element ${i} is at ${at[i]}`);
  }
  return scan;
}

function expectThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** What may be thrown. */
function refusal(error: unknown): void {
  if (error instanceof PodbusError && error.code === "bad_payload" && !error.message.includes("\n")) return;
  throw error;
}

let taken = 0;
const source = {
  take: (bytes: number): Chunk => {
    taken += bytes;
    return { buf: Buffer.allocUnsafe(bytes), shared: false, retain: () => {}, release: () => {} };
  },
};

/** Read in pieces, it is the same frames, and takes no more memory than goes with them. */
function checkIntake(bytes: Buffer, random: Random): void {
  const whole: string[] = [];
  let result: Scan = Scan.MORE;
  for (let at = 0; at < bytes.length; at = frame.end) {
    result = scanFrame(bytes, at, bytes.length, MAX_FRAME, frame);
    if (result !== Scan.FRAME) break;
    whole.push(`${at} ${frame.end} ${frame.op} ${frame.count}`);
    result = Scan.MORE;
  }
  taken = 0;
  const intake = new Intake(source, MAX_FRAME);
  let seen = 0;
  let offset = 0;
  for (let at = 0; at < bytes.length;) {
    const room = intake.room();
    expectThat(room.length > 0, "there is no room");
    const count = Math.min(room.length, bytes.length - at, 1 + random.below(random.once(2) ? 4 : 4096));
    bytes.copy(room, 0, at, at + count);
    at += count;
    intake.filled(count);
    for (;;) {
      const scan = intake.next(frame);
      if (scan === Scan.FRAME) {
        const length = frame.end - frame.start;
        const came = `${offset} ${offset + length} ${frame.op} ${frame.count}`;
        expectThat(came === whole[seen], `in pieces it is ${came}, as a whole ${whole[seen]}`);
        seen++;
        offset += length;
        continue;
      }
      expectThat(taken <= 1024 * 1024 + bytes.length * 8, `${taken} bytes were taken for ${bytes.length}`);
      if (scan === Scan.MORE) break;
      expectThat(scan === result, `in pieces it is refused as ${scan}, as a whole as ${result}`);
      return;
    }
  }
  expectThat(seen === whole.length, `in pieces there are ${seen} frames, as a whole ${whole.length}`);
}

const writer = new FrameWriter(256);

/** What an application sends back is what it got. */
function checkEcho(value: unknown): void {
  writer.reset().frame(2, 1);
  try {
    writePayload(writer, value);
  } catch (error) {
    refusal(error);
    return;
  }
  const bytes = writer.bytes();
  expectThat(
    scanFrame(bytes, 0, bytes.length, Infinity, frame) === Scan.FRAME && frame.end === bytes.length,
    "what was written is no frame",
  );
  const again = readPayload(bytes, frame.at[1]!, frame.end);
  if (!isDeepStrictEqual(again, value)) throw new Error("it was sent back as something else");
}

const sessions = recordedSessions();
const streams = recordedFrames()
  .concat(...sessions.map(({ sent }) => sent.map(({ bytes }) => bytes ?? Buffer.alloc(0))))
  .concat(...sessions.map(({ came }) => came))
  .filter(({ length }) => length > 0 && length <= 8192);

test("streams of frames: found alike in one piece and in many, and every element of them is read or refused", async () => {
  const count = await campaign(
    bytesTarget({
      name: "frames",
      inputs: 300_000,
      seeds: streams,
      make: (random, corpus) => {
        if (random.once(2)) return mutate(random, random.pick(corpus), corpus);
        const grammar = new Grammar(random);
        const frames = Array.from({ length: 1 + random.small(6) }, () =>
          grammar.frame(random.once(2) ? "client" : "broker"),
        );
        return Buffer.concat(frames);
      },
      run: (bytes, random) => {
        for (let at = 0; checkScan(bytes, at, bytes.length) === Scan.FRAME; at = frame.end) {
          const { count, end } = frame;
          for (let i = 0; i < count; i++) {
            const [from, to] = [frame.at[i]!, frame.at[i + 1]!];
            try {
              checkDecoded(readPayload(bytes, from, to), to - from);
            } catch (error) {
              refusal(error);
            }
            const start = payloadStart(bytes, from);
            expectThat(start >= from && start <= to, "a payload that is not in its element");
            const map = readMap(bytes, from, to);
            if (map !== undefined) checkDecoded(map, to - from);
          }
          frame.end = end;
        }
        checkIntake(bytes, random);
      },
    }),
  );
  checkPrototypes();
  expect(count).toBeGreaterThan(0);
});

test("values: read or refused, plain, and sent back as they were", async () => {
  await campaign(
    bytesTarget({
      name: "values",
      inputs: 500_000,
      seeds: streams.map((bytes) => bytes.subarray(Math.min(4, bytes.length - 1))),
      make: (random, corpus) =>
        random.once(3) ? new Grammar(random).value() : mutate(random, random.pick(corpus), corpus),
      run: (bytes) => {
        let value: unknown;
        try {
          value = readPlain(bytes, 0, bytes.length);
        } catch (error) {
          if (!(error instanceof Unreadable)) throw error;
          return;
        }
        checkDecoded(value, bytes.length);
        checkEcho(value);
      },
    }),
  );
  checkPrototypes();
});

test("structures of an application: written as one whole frame, or refused with the writer as it was", async () => {
  await campaign<unknown>({
    name: "structures",
    inputs: 50_000,
    seeds: [],
    files: FILES,
    make: (random) => random.next(),
    run: (seed) => {
      const value = new Grammar(new Random(seed as number)).structure();
      writer.reset().frame(2, 1);
      const before = writer.length;
      try {
        writePayload(writer, value);
      } catch (error) {
        refusal(error);
        expectThat(writer.length === before, "a refused value left bytes behind");
        return;
      }
      const bytes = Buffer.from(writer.bytes());
      expectThat(
        scanFrame(bytes, 0, bytes.length, Infinity, frame) === Scan.FRAME && frame.end === bytes.length,
        "no frame",
      );
      try {
        checkDecoded(readPayload(bytes, frame.at[1]!, frame.end), bytes.length);
      } catch (error) {
        refusal(error);
      }
    },
    smaller: () => [],
    toJson: (seed) => seed,
    fromJson: (seed) => seed,
  });
  checkPrototypes();
});

// Standard input, as a whole or line by line. Lines are bytes without their line feed (and without a carriage return in front of
// it); what is read ahead is one chunk, so whoever consumes slowly makes the writer of the pipe wait.

import { CommandFailure } from "./usage.ts";

/** A line longer than this is refused: no broker takes such a frame, and it must not fill the memory. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** All of `input`. */
export async function readAll(input: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The lines of `input`, those of one chunk at a time. A last line without a line feed counts; nothing behind the last one does not. */
export async function* readLines(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  const begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const chunk of input) {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      let line = chunk.subarray(start, end);
      if (begunBytes > 0) line = Buffer.concat([...begun.splice(0), line]);
      begunBytes = 0;
      lines.push(withoutReturn(line));
      start = end + 1;
    }
    if (start < chunk.length) {
      begun.push(chunk.subarray(start));
      begunBytes += chunk.length - start;
      if (begunBytes > MAX_LINE_BYTES) throw new CommandFailure("a line of standard input is longer than 256 MiB");
    }
    if (lines.length > 0) yield lines;
  }
  if (begunBytes > 0) yield [withoutReturn(Buffer.concat(begun))];
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CR ? line.subarray(0, -1) : line;
}

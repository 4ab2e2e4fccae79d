// Puts dead letters that a queue holds back where they died: as new messages, with topic, payload and headers as they were.

import { readStr } from "../../shared/codec/read.ts";
import { Frame, Scan, scanFrame } from "../../shared/codec/scan.ts";
import { FrameWriter } from "../../shared/codec/write.ts";
import { Op } from "../../shared/protocol.ts";
import { topicTextProblem } from "../../shared/topic.ts";
import type { Core } from "./core.ts";
import { splitHeaders, writeHeaders } from "./dead-headers.ts";
import type { Queue } from "./queue.ts";
import { readQueueHeaders } from "./queue-headers.ts";
import type { Run } from "./run.ts";

const frame: Frame = new Frame();
const writer: FrameWriter = new FrameWriter(512);

/** Replays at most `count` of what waits in `from`. Those that are no dead letters, or whose queue is no more, stay. */
export function replayDead(core: Core, from: Queue, count: number): { replayed: number; kept: number } {
  let replayed = 0;
  const kept: Run[] = [];
  while (replayed < count) {
    const run = from.supply.takeOne();
    if (run === undefined) break;
    if (replayOne(core, run)) {
      replayed++;
      from.fate.replayed(run);
    } else {
      kept.push(run);
    }
  }
  for (const run of kept) from.fate.return(run);
  return { replayed, kept: kept.length };
}

function replayOne(core: Core, run: Run): boolean {
  const { buf } = run.chunk;
  if (scanFrame(buf, run.start, run.end, Number.POSITIVE_INFINITY, frame) !== Scan.FRAME) return false;
  const headers = splitHeaders(buf, frame);
  if (headers === undefined) return false;
  const { dead, others } = headers;
  const to = typeof dead.deadQueue === "string" ? core.queues.get(dead.deadQueue) : undefined;
  const topic = typeof dead.deadTopic === "string" ? dead.deadTopic : readStr(buf, frame.at[1]!, frame.at[2]!);
  // Anybody may publish what looks like a dead letter: what its topic can't be is none.
  if (to === undefined || topic === undefined || topicTextProblem(topic) !== undefined) return false;
  const hasHeaders = others.length > 0;
  writer
    .reset()
    .frame(hasHeaders ? 4 : 3, Op.PUB)
    .str(topic)
    .raw(buf.subarray(frame.at[2]!, frame.at[3]!));
  if (hasHeaders) writeHeaders(writer, buf, others);
  const chunk = core.chunks.takeExactly(writer.length);
  writer.buf.copy(chunk.buf, 0, 0, writer.length);
  scanFrame(chunk.buf, 0, writer.length, Number.POSITIVE_INFINITY, frame);
  to.take(chunk, 0, writer.length, readQueueHeaders(chunk.buf, frame));
  chunk.release();
  return true;
}

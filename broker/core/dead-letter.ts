// Dead messages: told as events, and published to the queue's dead-letter topic with headers that say why, how often, from where.

import { Frame, Scan, scanFrame } from "../../shared/codec/scan.ts";
import { FrameWriter } from "../../shared/codec/write.ts";
import { readStr } from "../../shared/codec/read.ts";
import { Op } from "../../shared/protocol.ts";
import type { Core } from "./core.ts";
import { splitHeaders, writeHeaders } from "./dead-headers.ts";
import type { Queue } from "./queue.ts";
import type { DeathReason } from "./queue-fate.ts";
import type { Run } from "./run.ts";

const frame: Frame = new Frame();
const writer: FrameWriter = new FrameWriter(512);

/** Every message of `run`, which `queue` had, has died. */
export function publishDead(core: Core, queue: Queue, run: Run, reason: DeathReason): void {
  const { buf } = run.chunk;
  const to = queue.options.deadLetter;
  for (let at = run.start; at < run.end; at = frame.end) {
    if (scanFrame(buf, at, run.end, Number.POSITIVE_INFINITY, frame) !== Scan.FRAME) {
      throw new Error("a run does not hold whole frames");
    }
    const topic = readStr(buf, frame.at[1]!, frame.at[2]!)!;
    const attempts = reason === "expired" ? run.attempt - 1 : run.attempt;
    core.events.dead(queue.name, topic, attempts, reason);
    if (to !== undefined) {
      writer.reset().frame(4, Op.PUB).str(to).raw(buf.subarray(frame.at[2]!, frame.at[3]!));
      writeHeaders(writer, buf, splitHeaders(buf, frame)?.others ?? [], {
        deadQueue: queue.name,
        deadTopic: topic,
        deadReason: reason,
        deadAttempts: attempts,
      });
      core.inject(to, writer, false);
    }
  }
}

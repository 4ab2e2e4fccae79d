// The producer of the demo, a process of its own: publishes every file of the list on its standard input, part by part. It reads no
// further than the bus takes: a queue that is full makes it wait.

import { basename } from "node:path";

import { type Bus, connect } from "../../client/index.ts";
import type { Run } from "../dispatch.ts";
import { Exit } from "../usage.ts";
import { PartReader } from "./files.ts";
import { fileTopic, PRODUCER_TOPIC, type Report, RESULTS_TOPIC, workerTopic } from "./wire.ts";

const NUL = 0;

export const run: Run = async ([address, workers]) => {
  process.on("SIGINT", () => {}); // the terminal sends it to all; the demo's first process decides
  await using bus = await connect({ address: address!, name: "producer" });
  // Nobody is missed: all workers are there, and who collects their results.
  const ready = Array.from({ length: Number(workers) }, (_, i) =>
    bus.waitFor(workerTopic(i + 1), { for: "responder" }),
  );
  await Promise.all([...ready, bus.waitFor(RESULTS_TOPIC), bus.waitFor(PRODUCER_TOPIC)]);

  await report(bus, { kind: "started" });
  const parts = await publishAll(bus, readList(process.stdin));
  await report(bus, { kind: "done", parts });
  await bus.flush();
  return Exit.DONE;
};

async function publishAll(bus: Bus, paths: AsyncIterable<Buffer>): Promise<number> {
  const reader = new PartReader();
  let parts = 0;
  let file = 0;
  for await (const path of paths) {
    if (reader.open(path)) {
      const topic = fileTopic(basename(path.toString("latin1")));
      try {
        let part = 0;
        for (let bytes = reader.next(); bytes !== undefined; bytes = reader.next()) {
          const sent = bus.publish(topic, bytes, { headers: { file, part } });
          if (sent !== undefined) await sent;
          part++;
          parts++;
        }
      } catch (error) {
        if (!("syscall" in (error as Error))) throw error;
        await report(bus, { kind: "unreadable", file });
      } finally {
        reader.close();
      }
    } else {
      await report(bus, { kind: "unreadable", file });
    }
    file++;
  }
  return parts;
}

async function report(bus: Bus, report: Report): Promise<void> {
  await bus.publish(PRODUCER_TOPIC, report);
}

/** Paths with a NUL behind each, and one more NUL at the end. Where the input ends before that, the demo is gone. */
async function* readList(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun: Buffer[] = [];
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(NUL); end >= 0; end = chunk.indexOf(NUL, start)) {
      const path = Buffer.concat([...begun, chunk.subarray(start, end)]);
      if (path.length === 0) return;
      begun = [];
      yield path;
      start = end + 1;
    }
    begun.push(chunk.subarray(start));
  }
  throw new Error("the list of files ended early");
}

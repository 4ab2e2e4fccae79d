// A worker of the demo, a process of its own: takes parts from the queue that the workers share, and publishes the SHA-256 of each.

import { createHash } from "node:crypto";

import { connect } from "../../client/index.ts";
import type { Run } from "../dispatch.ts";
import { parentGone } from "../lifeline.ts";
import { Exit } from "../usage.ts";
import { FILES_PATTERN, QUEUE, type Result, RESULTS_TOPIC, workerTopic } from "./wire.ts";

export const run: Run = async ([address, number]) => {
  process.on("SIGINT", () => {}); // the terminal sends it to all; the demo's first process decides
  const worker = Number(number);
  await using bus = await connect({ address: address!, name: `worker ${worker}` });
  const parts = bus.subscribe(FILES_PATTERN, { queue: QUEUE }, ({ bytes, headers }) => {
    const digest = createHash("sha256").update(bytes).digest();
    const { file, part } = headers as { file: number; part: number };
    const result: Result = { file, part, bytes: bytes.length, digest, worker };
    return bus.publish(RESULTS_TOPIC, result) as void | Promise<void>;
  });
  await parts.ready;
  await bus.respond(workerTopic(worker), () => true).ready;
  await parentGone();
  return Exit.DONE;
};

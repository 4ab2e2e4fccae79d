// A worker of the demo, a process of its own: takes parts from the queue that the workers share, and publishes the SHA-256 of each.
// The demo starts its own; with `demo --join` others do, in containers of a pod for instance, by `podbus demo-worker NUMBER`.

import { createHash } from "node:crypto";

import { Option } from "commander";

import { connect } from "../../client/index.ts";
import { type ConnectionOptions, countOption, newCommand, withConnection } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { parentGone } from "../lifeline.ts";
import { untilSignal } from "../signals.ts";
import { Exit } from "../usage.ts";
import { FILES_PATTERN, OVER_TOPIC, QUEUE, type Result, RESULTS_TOPIC, workerTopic } from "./wire.ts";

interface WorkerOptions extends ConnectionOptions {
  once?: true;
  withParent?: true;
}

export const run: Run = async (args) => {
  const command = withConnection(
    newCommand("demo-worker", "Works for `podbus demo --join`, until it is told to end.", [
      { line: "podbus demo-worker 1", what: "the first of them" },
      { line: "podbus demo-worker 2 --once", what: "ends when the demo is over" },
    ]),
    "30s",
  )
    .argument("<number>", "which of the workers this is, from 1", countOption())
    .option("--once", "end when the demo is over")
    .addOption(new Option("--with-parent").hideHelp());
  command.parse(args, { from: "user" });
  const { address, connectTimeout, once, withParent } = command.opts<WorkerOptions>();
  const [worker] = command.processedArgs as [number];

  let over = (): void => {};
  const isOver = new Promise<void>((resolve) => {
    over = resolve;
  });
  // The terminal sends SIGINT to all; the demo's first process decides.
  if (withParent) process.on("SIGINT", () => {});
  const told = withParent ? parentGone() : untilSignal();
  await using bus = await connect({ address, name: `worker ${worker}`, connectTimeoutMs: connectTimeout });
  const parts = bus.subscribe(FILES_PATTERN, { queue: QUEUE }, ({ bytes, headers }) => {
    const digest = createHash("sha256").update(bytes).digest();
    const { file, part } = headers as { file: number; part: number };
    const result: Result = { file, part, bytes: bytes.length, digest, worker };
    return bus.publish(RESULTS_TOPIC, result) as void | Promise<void>;
  });
  await parts.ready;
  if (once) await bus.subscribe(OVER_TOPIC, {}, () => over()).ready;
  await bus.respond(workerTopic(worker), () => true).ready;
  await Promise.race([told, isOver]);
  return Exit.DONE;
};

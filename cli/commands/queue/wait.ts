// `podbus queue wait`: until a queue is empty, so that its workers may go. Made for the end of a pod: Kubernetes' preStop of a worker.

import { setTimeout as pause } from "node:timers/promises";

import { Option } from "commander";

import { durationOption } from "../../command.ts";
import type { Run } from "../../dispatch.ts";
import { displayLine } from "../../display.ts";
import { asking, newQueueCommand, type QueueOptions } from "../../queue/ask.ts";
import type { Described } from "../../queue/show.ts";
import { plural } from "../../units.ts";
import { CommandFailure, Exit } from "../../usage.ts";

/** Between two looks: the broker has no event for a queue that is done. */
const LOOK_MS = 200;

interface WaitOptions extends QueueOptions {
  for: number;
}

export const run: Run = async (args) => {
  const command = newQueueCommand(
    "wait",
    "Waits until a queue is empty: nothing waits in it, and its members have settled all that they took.",
    [
      { line: "podbus queue wait billing", what: "for at most 30 seconds" },
      { line: "podbus queue wait billing --for 2m", what: "before its workers are stopped" },
    ],
  )
    .argument("<queue>", "its name")
    .addOption(new Option("--for <duration>", "how long to wait").argParser(durationOption).default(30_000, "30s"));
  command.parse(args, { from: "user" });
  const options = command.opts<WaitOptions>();
  const [queue] = command.processedArgs as [string];
  const deadline = Date.now() + options.for;
  await asking(options, async (ask) => {
    for (;;) {
      const { waiting, inFlight } = (await ask("$sys.queue.show", { queue })) as Described;
      if (waiting + inFlight === 0) return;
      if (Date.now() >= deadline) {
        const left = `${plural(waiting, "message")} wait in ${displayLine(queue, true)}, ${inFlight} are being worked on`;
        throw new CommandFailure(`${left}; see podbus queue show`);
      }
      await pause(LOOK_MS);
    }
  });
  return Exit.DONE;
};

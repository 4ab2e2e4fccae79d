// `podbus queue replay`: the dead letters that wait in a queue go back where they died, as new.

import { Option } from "commander";

import { countOption } from "../../command.ts";
import type { Run } from "../../dispatch.ts";
import { displayLine, toJson } from "../../display.ts";
import { out } from "../../output.ts";
import { asking, newQueueCommand, type QueueOptions } from "../../queue/ask.ts";
import { formatCount, plural } from "../../units.ts";
import { Exit } from "../../usage.ts";

interface ReplayOptions extends QueueOptions {
  count?: number;
}

export const run: Run = async (args) => {
  const command = newQueueCommand(
    "replay",
    "Puts the dead letters that wait in a queue back where they died, as new.",
    [
      { line: "podbus queue replay dead", what: "all of them" },
      { line: "podbus queue replay dead --count 10", what: "the ten that have waited longest" },
    ],
  )
    .argument("<queue>", "the queue that holds the dead letters")
    .addOption(new Option("--count <n>", "at most so many").argParser(countOption()));
  command.parse(args, { from: "user" });
  const options = command.opts<ReplayOptions>();
  const [queue] = command.processedArgs as [string];
  const { count } = options;
  const asked = { queue, ...(count !== undefined && { count }) };
  const answer = await asking(options, (ask) => ask("$sys.queue.replay", asked));
  const { replayed, kept } = answer as { replayed: number; kept: number };
  const stay = kept === 0 ? "" : `; ${formatCount(kept)} stay, which are none, or whose queue is no more`;
  const done = `replayed ${plural(replayed, "dead letter")} of ${displayLine(queue, true)}${stay}`;
  await out.line(options.json ? toJson(answer) : done);
  return Exit.DONE;
};

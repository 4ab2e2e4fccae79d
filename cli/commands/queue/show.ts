// `podbus queue show`: one queue, with its options, its counters, and the age of what waits in front.

import type { Run } from "../../dispatch.ts";
import { toJson } from "../../display.ts";
import { out } from "../../output.ts";
import { asking, newQueueCommand, type QueueOptions } from "../../queue/ask.ts";
import { type Described, oneQueue } from "../../queue/show.ts";
import { Exit } from "../../usage.ts";

export const run: Run = async (args) => {
  const command = newQueueCommand(
    "show",
    "Shows a queue: its members, options and counters, and the age of what waits.",
    [
      { line: "podbus queue show billing", what: "a table" },
      { line: "podbus queue show billing --json | jq .waiting", what: "one object on one line" },
    ],
  ).argument("<queue>", "its name");
  command.parse(args, { from: "user" });
  const options = command.opts<QueueOptions>();
  const [queue] = command.processedArgs as [string];
  const described = (await asking(options, (ask) => ask("$sys.queue.show", { queue }))) as Described;
  await out.write(options.json ? `${toJson(described)}\n` : oneQueue(described));
  return Exit.DONE;
};

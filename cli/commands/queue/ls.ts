// `podbus queue ls`: every queue, its members, and what became of its messages.

import type { Run } from "../../dispatch.ts";
import { toJson } from "../../display.ts";
import { out } from "../../output.ts";
import { asking, newQueueCommand, type QueueOptions } from "../../queue/ask.ts";
import { type Described, queueList } from "../../queue/show.ts";
import { Exit } from "../../usage.ts";

export const run: Run = async (args) => {
  const command = newQueueCommand(
    "ls",
    "Lists the queues: members, what waits and for how long, what became of the rest.",
    [
      { line: "podbus queue ls", what: "a table" },
      { line: "podbus queue ls --json | jq -r .queue", what: "a JSON object a line" },
    ],
  );
  command.parse(args, { from: "user" });
  const options = command.opts<QueueOptions>();
  const { queues } = (await asking(options, (ask) => ask("$sys.queues"))) as { queues: readonly Described[] };
  await out.write(options.json ? queues.map((queue) => `${toJson(queue)}\n`).join("") : queueList(queues));
  return Exit.DONE;
};

// `podbus queue set`: changes options of a queue while it lives, and shows it as it is then.

import type { Run } from "../../dispatch.ts";
import { toJson } from "../../display.ts";
import { out } from "../../output.ts";
import { asking, newQueueCommand, type QueueOptions } from "../../queue/ask.ts";
import { changesOf } from "../../queue/changes.ts";
import { type Described, oneQueue } from "../../queue/show.ts";
import { Exit } from "../../usage.ts";

export const run: Run = async (args) => {
  const command = newQueueCommand("set", "Changes options of a queue while it lives, and shows it as it is then.", [
    { line: "podbus queue set billing maxMessages=100000 maxBytes=64MiB", what: "its limits" },
    { line: "podbus queue set billing ackTimeoutMs=2m maxAttempts=3", what: "how messages are tried" },
    { line: "podbus queue set billing deadLetter=", what: "takes the dead letters' topic away" },
  ])
    .argument("<queue>", "its name")
    .argument("<option=value...>", "maxMessages, maxBytes, overflow, ackTimeoutMs, maxAttempts, deadLetter, dedupeMs");
  command.parse(args, { from: "user" });
  const options = command.opts<QueueOptions>();
  const [queue, texts] = command.processedArgs as [string, string[]];
  const changes = changesOf(texts);
  const described = (await asking(options, (ask) => ask("$sys.queue.update", { queue, ...changes }))) as Described;
  await out.write(options.json ? `${toJson(described)}\n` : oneQueue(described));
  return Exit.DONE;
};

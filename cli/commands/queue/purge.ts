// `podbus queue purge`: drops all that waits in a queue. What members hold stays theirs.

import { confirm } from "../../confirm.ts";
import type { Run } from "../../dispatch.ts";
import { displayLine, toJson } from "../../display.ts";
import { out } from "../../output.ts";
import { asking, type DroppingOptions, newDroppingCommand } from "../../queue/ask.ts";
import type { Described } from "../../queue/show.ts";
import { plural } from "../../units.ts";
import { Exit } from "../../usage.ts";

export const run: Run = async (args) => {
  const command = newDroppingCommand(
    "purge",
    "Drops all that waits in a queue. What its members have taken stays theirs.",
    [
      { line: "podbus queue purge billing", what: "asks first, on a terminal" },
      { line: "podbus queue purge billing --yes", what: "in a script" },
    ],
  ).argument("<queue>", "its name");
  command.parse(args, { from: "user" });
  const options = command.opts<DroppingOptions>();
  const [queue] = command.processedArgs as [string];
  const name = displayLine(queue, true);
  const answer = await asking(options, async (ask) => {
    if (!options.yes) {
      const { waiting } = (await ask("$sys.queue.show", { queue })) as Described;
      await confirm(`${plural(waiting, "message")} that wait in ${name} will be dropped`);
    }
    return ask("$sys.queue.purge", { queue });
  });
  const { purged } = answer as { purged: number };
  await out.line(options.json ? toJson(answer) : `dropped ${plural(purged, "message")} of ${name}`);
  return Exit.DONE;
};

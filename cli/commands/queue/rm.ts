// `podbus queue rm`: removes a queue, and drops what it holds. Its members are told, and may make it anew.

import { confirm } from "../../confirm.ts";
import type { Run } from "../../dispatch.ts";
import { displayLine, toJson } from "../../display.ts";
import { out } from "../../output.ts";
import { asking, type DroppingOptions, newDroppingCommand } from "../../queue/ask.ts";
import type { Described } from "../../queue/show.ts";
import { formatCount, plural } from "../../units.ts";
import { Exit } from "../../usage.ts";

export const run: Run = async (args) => {
  const command = newDroppingCommand("rm", "Removes a queue, with all that it holds. Its members are told.", [
    { line: "podbus queue rm billing", what: "asks first, on a terminal" },
    { line: "podbus queue rm billing --yes", what: "in a script" },
  ]).argument("<queue>", "its name");
  command.parse(args, { from: "user" });
  const options = command.opts<DroppingOptions>();
  const [queue] = command.processedArgs as [string];
  const name = displayLine(queue, true);
  const answer = await asking(options, async (ask) => {
    if (!options.yes) {
      const { waiting, inFlight, members } = (await ask("$sys.queue.show", { queue })) as Described;
      const has = `${plural(waiting, "message")} waiting, ${formatCount(inFlight)} in flight, ${plural(members.length, "member")}`;
      await confirm(`${name} (${has}) will be removed`);
    }
    return ask("$sys.queue.remove", { queue });
  });
  const { dropped } = answer as { dropped: number };
  await out.line(options.json ? toJson(answer) : `removed ${name}; ${plural(dropped, "message")} dropped`);
  return Exit.DONE;
};

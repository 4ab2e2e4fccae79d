// `podbus stats`: the broker's counters, as it gives them.

import { Option } from "commander";

import { withBus } from "../bus.ts";
import { type ConnectionOptions, durationOption, newCommand, withConnection } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { displayLine, toJson } from "../display.ts";
import { out } from "../output.ts";
import { table } from "../table.ts";
import { formatBytes, formatCount, formatDuration } from "../units.ts";
import { Exit } from "../usage.ts";

interface StatsOptions extends ConnectionOptions {
  timeout: number;
  json?: true;
}

export const run: Run = async (args) => {
  const command = withConnection(
    newCommand("stats", "Shows the broker's counters.", [
      { line: "podbus stats", what: "a table" },
      { line: "podbus stats --json | jq .published", what: "one object on one line" },
      { line: "podbus request --json '$sys.clients'", what: "likewise for clients, queues and topics" },
    ]),
  )
    .addOption(
      new Option("--timeout <duration>", "how long to wait for the answer")
        .argParser(durationOption)
        .default(5000, "5s"),
    )
    .option("--json", "print them as JSON");
  command.parse(args, { from: "user" });
  const options = command.opts<StatsOptions>();
  const stats = await withBus(
    options,
    async (bus) => (await bus.request("$sys.stats", {}, { timeoutMs: options.timeout })) as Record<string, unknown>,
  );
  if (options.json) await out.line(toJson(stats));
  else await out.write(table(Object.entries(stats).map(([name, value]) => [name, show(name, value)])));
  return Exit.DONE;
};

/** By the unit that the name ends with. */
function show(name: string, value: unknown): string {
  if (typeof value !== "number") return displayLine(value, true);
  if (name === "pid") return String(value);
  if (/bytes/i.test(name)) return `${formatCount(value)}${value < 1000 ? "" : `  (${formatBytes(value)})`}`;
  return name.endsWith("Ms") ? formatDuration(value) : formatCount(value);
}

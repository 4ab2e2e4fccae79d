// `podbus stats`: the broker's counters, as it gives them, who waits for whom, and whether the books balance.

import { Option } from "commander";

import { withBus } from "../bus.ts";
import { type ConnectionOptions, durationOption, newCommand, withConnection } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { displayLine, toJson } from "../display.ts";
import { out } from "../output.ts";
import { table } from "../table.ts";
import { formatBytes, formatCount, formatDuration } from "../units.ts";
import { CommandFailure, Exit } from "../usage.ts";

interface StatsOptions extends ConnectionOptions {
  timeout: number;
  json?: true;
  check?: true;
}

/** A client that has topics in XOFF. */
interface Blocked {
  readonly client: number;
  readonly name: string | null;
  readonly blockedOn: readonly { readonly topic: string; readonly why: string }[];
}

export const run: Run = async (args) => {
  const command = withConnection(
    newCommand("stats", "Shows the broker's counters.", [
      { line: "podbus stats", what: "a table" },
      { line: "podbus stats --json | jq .published", what: "one object on one line" },
      {
        line: "podbus stats --check",
        what: "counts anew what waits and is in flight; 1 where the books don't balance",
      },
      { line: "podbus request --json '$sys.clients'", what: "likewise for clients, queues and topics" },
    ]),
  )
    .addOption(
      new Option("--timeout <duration>", "how long to wait for the answer")
        .argParser(durationOption)
        .default(5000, "5s"),
    )
    .option("--check", "have the broker count anew, by walking what it holds")
    .option("--json", "print them as JSON");
  command.parse(args, { from: "user" });
  const options = command.opts<StatsOptions>();
  return withBus(options, async (bus) => {
    const ask = (topic: string): Promise<unknown> => bus.request(topic, {}, { timeoutMs: options.timeout });
    if (options.check) {
      const { ok, problems } = (await ask("$sys.check")) as { ok: boolean; problems: readonly string[] };
      if (options.json) await out.line(toJson({ ok, problems }));
      else if (ok) await out.line("the books balance");
      if (!ok)
        throw new CommandFailure(`the books do not balance, which is a bug of the broker: ${problems.join("; ")}`);
      return Exit.DONE;
    }
    const stats = (await ask("$sys.stats")) as Record<string, unknown>;
    if (options.json) {
      await out.line(toJson(stats));
      return Exit.DONE;
    }
    await out.write(table(Object.entries(stats).map(([name, value]) => [name, show(name, value)])));
    if (stats["blockedPublishers"] === 0) return Exit.DONE;
    const { clients } = (await ask("$sys.clients")) as { clients: readonly Blocked[] };
    for (const { client, name, blockedOn } of clients) {
      for (const { topic, why } of blockedOn) {
        await out.line(
          `client ${client} (${displayLine(name ?? "no name", true)}) waits for ${why} on ${displayLine(topic, true)}`,
        );
      }
    }
    return Exit.DONE;
  });
};

/** By the unit that the name ends with. */
function show(name: string, value: unknown): string {
  if (typeof value !== "number") return displayLine(value, true);
  if (name === "pid") return String(value);
  if (/bytes/i.test(name)) return `${formatCount(value)}${value < 1000 ? "" : `  (${formatBytes(value)})`}`;
  return name.endsWith("Ms") ? formatDuration(value) : formatCount(value);
}

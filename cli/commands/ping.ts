// `podbus ping`: whether the broker answers, and how fast. Made to be a probe: it starts fast, and exits with 0 or 1.

import { performance } from "node:perf_hooks";

import { Option } from "commander";

import { withBus } from "../bus.ts";
import { type ConnectionOptions, durationOption, newCommand, withConnection } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { toJson } from "../display.ts";
import { out } from "../output.ts";
import { formatDuration } from "../units.ts";
import { Exit } from "../usage.ts";

interface PingOptions extends ConnectionOptions {
  timeout: number;
  quiet?: true;
  json?: true;
}

export const run: Run = async (args) => {
  const command = withConnection(
    newCommand("ping", "Asks the broker for a sign of life: exits with 0 where it gives one, with 1 where not.", [
      { line: "podbus ping", what: "the round trip, and the broker's version" },
      { line: "podbus ping --quiet", what: "the exit code alone, for probes" },
      { line: "podbus ping --connect-timeout 10s", what: "gives a broker that is starting some time" },
    ]),
    "0s",
  )
    .addOption(
      new Option("--timeout <duration>", "how long to wait for the answer")
        .argParser(durationOption)
        .default(1000, "1s"),
    )
    .option("-q, --quiet", "print nothing where it answers")
    .option("--json", "print the answer as JSON");
  command.parse(args, { from: "user" });
  const options = command.opts<PingOptions>();
  await withBus(options, async (bus) => {
    const start = performance.now();
    const answer = (await bus.request("$sys.ping", {}, { timeoutMs: options.timeout })) as {
      version?: unknown;
      uptimeMs?: unknown;
    };
    const roundTripMs = Math.round((performance.now() - start) * 1000) / 1000;
    if (options.quiet) return;
    if (options.json) await out.line(toJson({ address: options.address, roundTripMs, ...answer }));
    else {
      const up = formatDuration(Number(answer.uptimeMs));
      await out.line(
        `${options.address} answered in ${formatDuration(roundTripMs)} (podbus ${String(answer.version)}, up ${up})`,
      );
    }
  });
  return Exit.DONE;
};

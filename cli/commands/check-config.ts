// `podbus check-config`: whether `serve` would start with the same options and variables, and with what. Starts nothing, and prints no
// secret.

import { checkConfig, type ConfigReport } from "../../broker/index.ts";
import { newCommand } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { onOneLine, toJson } from "../display.ts";
import { out } from "../output.ts";
import { hostNetworkRefusal } from "../serve/host-network.ts";
import { serveOptions, withServeOptions } from "../serve/options.ts";
import { plural } from "../units.ts";
import { CommandFailure, Exit } from "../usage.ts";

export const run: Run = async (args) => {
  const command = withServeOptions(
    newCommand("check-config", "Checks the options of serve, its secrets and its rules, and starts nothing.", [
      { line: "podbus check-config --rules rules.yaml", what: "each problem on a line, by line and key" },
      { line: "podbus check-config --secret-file /run/secrets/podbus", what: "a file, or a folder of secrets" },
      { line: "podbus check-config --json", what: "what the environment says, as JSON" },
    ]),
  ).option("--json", "print the result as JSON");
  command.parse(args, { from: "user" });
  const { json } = command.opts<{ json?: true }>();
  const { broker } = serveOptions(command);
  const checked = await checkConfig(broker);
  const refusal = hostNetworkRefusal(broker);
  const problems = [...checked.problems, ...(refusal === undefined ? [] : [refusal])];
  const report = { ...checked, problems };
  if (json) await out.line(toJson({ ok: problems.length === 0, ...report }));
  else for (const line of linesOf(report)) await out.line(onOneLine(line, true));
  if (problems.length > 0) throw new CommandFailure(`${plural(problems.length, "problem")}; mend what is listed`);
  return Exit.DONE;
};

function linesOf({ problems, warnings, rules, secrets }: ConfigReport): string[] {
  if (problems.length > 0) return [...problems];
  return [
    ...warnings.map((warning) => `likely a mistake: ${warning}`),
    rules === undefined
      ? "no rules: whoever is connected may do everything"
      : `${plural(rules, "rule")}: what none of them permits is refused`,
    secrets === undefined
      ? "no secret: whoever is allowed to connect is let in"
      : `secrets: ${[...(secrets.common ? ["the common one"] : []), ...secrets.identities].join(", ")}`,
    "ok",
  ];
}

// `podbus doctor`: what stands in the way of a broker or its clients here, and what to change. It changes nothing itself.

import { dirname } from "node:path";

import { Option } from "commander";

import { parseAddress } from "../../shared/address.ts";
import { readMounts } from "../../shared/os/mounts.ts";
import { readNamespaceFacts, readSharers } from "../../shared/os/namespace.ts";
import { newCommand, withAddress } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { toJson } from "../display.ts";
import type { Check } from "../doctor/check.ts";
import { checkCredentials } from "../doctor/credentials.ts";
import { credentialFacts, limitFacts, nameFacts, placeOf, secretFacts } from "../doctor/facts.ts";
import { checkLimits } from "../doctor/limits.ts";
import { checkName } from "../doctor/name.ts";
import { checkNamespace } from "../doctor/namespace.ts";
import { checkData, checkSocketPlace } from "../doctor/places.ts";
import { checkSecret } from "../doctor/secret.ts";
import { showChecks } from "../doctor/show.ts";
import { parseNumber } from "../numbers.ts";
import { out } from "../output.ts";
import { Exit } from "../usage.ts";

interface DoctorOptions {
  address: string;
  data?: string;
  memoryLimit?: number;
  maxConnections?: number;
  secretFile?: string;
  name?: string;
  json?: true;
}

export const run: Run = async (args) => {
  const command = withAddress(
    newCommand(
      "doctor",
      "Looks at what a broker and its clients depend on here: who shares the network namespace, who has the name, whether the " +
        "kernel tells who connects, which limits and mounts apply. Exits with 1 where something does not work or is not safe. " +
        "Give it the options, or the environment, that the broker has.",
      [
        { line: "podbus doctor", what: "in the container of the broker, or of a client" },
        { line: "podbus doctor --data /var/lib/podbus", what: "the data directory too" },
        { line: "podbus doctor --json | jq -r 'select(.state != \"ok\") | .advice'", what: "what to change" },
      ],
    ),
  )
    .addOption(new Option("--data <dir>", "the broker's data directory").env("PODBUS_DATA"))
    .addOption(
      new Option("--memory-limit <size>", "the broker's memory limit")
        .env("PODBUS_MEMORY_LIMIT")
        .argParser((text: string) => parseNumber({ kind: "size", minimum: 1024 * 1024 }, text)),
    )
    .addOption(
      new Option("--max-connections <n>", "the broker's limit of connections")
        .env("PODBUS_MAX_CONNECTIONS")
        .argParser((text: string) => parseNumber({ kind: "count", minimum: 1 }, text)),
    )
    .addOption(new Option("--secret-file <path>", "the secret that is proved").env("PODBUS_SECRET_FILE"))
    .addOption(new Option("--name <name>", "the name to connect by, as a client").env("PODBUS_NAME"))
    .option("--json", "print each check as a JSON object");
  command.parse(args, { from: "user" });
  const options = command.opts<DoctorOptions>();

  const checks = await examine(options);
  if (options.json)
    for (const { check, state, says, advice, facts } of checks)
      await out.line(toJson({ check, state, says, advice, facts }));
  else await out.write(showChecks(checks));
  return checks.some(({ state }) => state === "problem") ? Exit.FAILED : Exit.DONE;
};

async function examine({
  address: text,
  data,
  memoryLimit,
  maxConnections,
  secretFile,
  name,
}: DoctorOptions): Promise<Check[]> {
  const address = parseAddress(text);
  const uid = process.geteuid?.() ?? 0;
  const mounts = readMounts();
  const hasSecret = secretFile !== undefined;
  return [
    checkNamespace({ address, facts: readNamespaceFacts(), hasSecret, sharers: readSharers() }),
    ...checkName(await nameFacts(address, { name, secretFile })),
    checkCredentials(await credentialFacts()),
    ...(secretFile === undefined ? [] : [checkSecret(secretFacts(secretFile))]),
    ...checkLimits(limitFacts({ memoryLimit, maxConnections })),
    ...(address.kind === "file" ? [checkSocketPlace(placeOf(dirname(address.path), mounts), uid)] : []),
    checkData(data === undefined ? undefined : placeOf(data, mounts), uid),
  ];
}

// `podbus ping --quiet`, as probes run it every few seconds, for the container image: a file of its own beside the whole command, and
// without commander, which takes as long to load as the ping itself. It takes what it knows, and leaves all else to the command.

import { parseAddress } from "../shared/address.ts";
import { DEFAULT_ADDRESS } from "../shared/protocol.ts";
import { withBus } from "./bus.ts";
import { dropEmptyVariables } from "./environment.ts";
import { parseDuration } from "./units.ts";
import { errorLine, Exit, exitCodeOf } from "./usage.ts";

interface Probe {
  quiet: boolean;
  address: string;
  connectTimeout: number;
  timeout: number;
}

/** Undefined where there is anything but `--quiet` and options with a good value. */
function parse(args: readonly string[]): Probe | undefined {
  const probe = {
    quiet: false,
    address: process.env["PODBUS_ADDRESS"] ?? DEFAULT_ADDRESS,
    connectTimeout: 0,
    timeout: 1000,
  };
  for (let i = 0; i < args.length; i++) {
    const option = args[i];
    if (option === "--quiet" || option === "-q") {
      probe.quiet = true;
      continue;
    }
    const value = args[++i];
    if (value === undefined) return undefined;
    const duration = parseDuration(value);
    if (option === "--address") probe.address = value;
    else if (duration === undefined) return undefined;
    else if (option === "--timeout") probe.timeout = duration;
    else if (option === "--connect-timeout") probe.connectTimeout = duration;
    else return undefined;
  }
  return probe.quiet && isAddress(probe.address) ? probe : undefined;
}

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false; // the command says what is wrong with it
  }
}

async function ping({ timeout, ...connection }: Probe): Promise<number> {
  try {
    const name = process.env["PODBUS_NAME"] ?? "podbus ping";
    await withBus({ ...connection, name }, (bus) => bus.request("$sys.ping", {}, { timeoutMs: timeout }));
    return Exit.DONE;
  } catch (error) {
    process.stderr.write(`${errorLine(error)}\n`);
    return exitCodeOf(error);
  }
}

dropEmptyVariables();
const probe: Probe | undefined = parse(process.argv.slice(3));

/** False: the whole command has to be asked. */
export const isTaken: boolean = probe !== undefined;
if (probe !== undefined) void ping(probe).then((exitCode) => process.exit(exitCode));

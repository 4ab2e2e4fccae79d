// `podbus serve`: the broker as a process. Logs, signals and exit codes are its own; all else is the broker's.

import { type BrokerOptions, createBroker, type ListeningBroker } from "../../broker/index.ts";
import { PodbusError } from "../../shared/errors.ts";
import { VERSION } from "../../shared/version.ts";
import { newCommand } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { parentGone } from "../lifeline.ts";
import { hostNetworkRefusal } from "../serve/host-network.ts";
import { createLog, type Log } from "../serve/log.ts";
import { serveOptions, withServeOptions } from "../serve/options.ts";
import { untilSignal } from "../signals.ts";
import { CommandFailure, Exit } from "../usage.ts";

export const run: Run = async (args) => {
  const command = withServeOptions(
    newCommand(
      "serve",
      "Runs the broker until SIGTERM or SIGINT, then delivers what is queued and exits with 0. Logs JSON lines to standard " +
        "output; each option is an environment variable, too: --max-frame is PODBUS_MAX_FRAME.",
      [
        { line: "podbus serve", what: "at @podbus" },
        { line: "podbus serve --address @orders --wait", what: "takes over when the one before ends" },
        { line: "podbus serve --address ./podbus.sock", what: "a file-system socket" },
        { line: "podbus serve --data /var/lib/podbus --memory-limit 128MiB", what: "durable queues; a ceiling" },
        { line: "podbus serve --allow uid:1001 --secret-file /run/secrets/podbus", what: "who may connect" },
        { line: "podbus serve --rules rules.yaml", what: "who may do what; SIGHUP reads it anew" },
        { line: "podbus serve --max-frame 1MiB --grace-ms 2s", what: "limits" },
      ],
    ),
  );
  command.parse(args, { from: "user" });
  const options = serveOptions(command);
  const { secretFile, rules } = options.broker;
  // Until it listens it can only be noted: what was read at the start may be old by then.
  let isAskedFor = false;
  let reload = async (): Promise<void> => {
    isAskedFor = true;
  };
  // Without either, the signal does what it does to any process.
  if (secretFile !== undefined || rules !== undefined) process.on("SIGHUP", () => void reload());

  const refusal = hostNetworkRefusal(options.broker);
  if (refusal !== undefined) throw new CommandFailure(refusal);
  const log = createLog(options.logLevel);
  const stop = new AbortController();
  const stopped = Promise.race([untilSignal(), ...(options.withParent ? [parentGone()] : [])]);
  // A signal ends it while it still waits for its name, too.
  void stopped.then(() => stop.abort());
  const broker = await listen(options.broker, log, stop.signal);
  if (broker === undefined) return Exit.DONE;

  log.info({ address: broker.address, pid: process.pid, version: VERSION }, "listening");
  await log.open();
  reload = async () => {
    try {
      await broker.reload();
      log.info({ secretFile, rules }, "secrets and rules read anew");
    } catch (error) {
      log.error({}, `all stays as it was: ${(error as Error).message}`);
    }
  };
  if (isAskedFor) await reload();
  const why = await stopped;
  log.info({ why: why ?? "the parent is gone" }, "closing");
  await broker.close();
  log.info({}, "closed");
  await log.flushed();
  return Exit.DONE;
};

/** Takes the address, and the data directory; with `wait`, once they are free. Undefined where it was told to end before. */
async function listen(options: BrokerOptions, log: Log, signal: AbortSignal): Promise<ListeningBroker | undefined> {
  const withLog = { ...options, logger: log };
  try {
    return await createBroker({ ...withLog, wait: false }).listen();
  } catch (error) {
    if (!(error instanceof PodbusError) || error.code !== "address_in_use") throw error;
    if (!options.wait) {
      throw new CommandFailure(`${error.message}, or wait until it is free with --wait`, { cause: error });
    }
  }
  const { address, data } = options;
  if (data === undefined) log.info({ address }, "waiting until the address is free");
  else log.info({ address, data }, "waiting until the address and the data directory are free");
  await log.open();
  try {
    return await createBroker(withLog).listen({ signal });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

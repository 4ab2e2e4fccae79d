// `podbus serve`: the broker as a process. Logs, signals and exit codes are its own; all else is the broker's.

import { createBroker } from "../../broker/index.ts";
import { untilSignal } from "../bus.ts";
import { newCommand } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { parentGone } from "../lifeline.ts";
import { createLog } from "../serve/log.ts";
import { serveOptions, withServeOptions } from "../serve/options.ts";
import { Exit } from "../usage.ts";
import { readVersion } from "../version.ts";

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
        { line: "podbus serve --max-frame 1MiB --grace-ms 2s", what: "limits" },
      ],
    ),
  );
  command.parse(args, { from: "user" });
  const options = serveOptions(command);
  const log = createLog(options.logLevel);
  // A signal while it still waits for its name ends it as well.
  const stopped = Promise.race([untilSignal(), ...(options.withParent ? [parentGone()] : [])]);
  const listening = createBroker({ ...options.broker, logger: log }).listen();
  const broker = await Promise.race([listening, stopped.then(() => undefined)]);
  if (broker === undefined) return Exit.DONE;
  const version = await readVersion();
  log.info({ address: broker.address, pid: process.pid, version }, "listening");
  await log.open();
  const why = await Promise.race([stopped, broker.closed]);
  log.info({ why: String(why ?? "its parent is gone") }, "closing");
  await broker.close();
  log.info({}, "closed");
  log.flush();
  return Exit.DONE;
};

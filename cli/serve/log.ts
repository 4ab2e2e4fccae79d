// The log of `serve`: pino, JSON lines, or lines for people on a terminal. pino takes longer to load than the broker to start, so it
// is loaded once the broker listens; what is logged until then is kept, and written with the time at which it was logged.

import type { BrokerLogger } from "../../broker/index.ts";
import { LOG_LEVELS, type LogLevel } from "../../shared/log-level.ts";
import { prettyLine } from "./pretty.ts";

/** A reader of the log that stops reading must not stop the broker: what it leaves unread beyond this is dropped. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** How long the end may wait for such a reader. */
const MAX_FLUSH_MS = 1000;

type Level = Exclude<LogLevel, "silent">;

/** A logger for the broker. */
export interface Log extends BrokerLogger {
  /** Loads pino and writes what was kept. Again, it does nothing. */
  open(): Promise<void>;
  /** Resolves once all is written, or can't be: before the process ends. */
  flushed(): Promise<void>;
}

export function createLog(level: LogLevel): Log {
  const least = LOG_LEVELS.indexOf(level);
  const kept: { level: Level; fields: object; message: string }[] = [];
  let to: BrokerLogger | undefined;
  let flushed = (): Promise<void> => Promise.resolve();
  const at =
    (level: Level) =>
    (fields: object, message: string): void => {
      if (to !== undefined) to[level](fields, message);
      else if (LOG_LEVELS.indexOf(level) >= least)
        kept.push({ level, fields: { time: Date.now(), ...fields }, message });
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    open: async () => {
      if (to !== undefined) return;
      const { pino } = await import("pino");
      const options = {
        level,
        base: null,
        errorKey: "error",
        timestamp: false,
        formatters: { level: (label: string) => ({ level: label }) },
      };
      const stamped = { ...options, mixin: () => ({ time: Date.now() }) };
      if (process.stdout.isTTY) {
        to = pino(stamped, { write: (line: string) => process.stdout.write(`${prettyLine(line)}\n`) });
      } else {
        // A least length of 1 writes each line at once, too; with none, flush() would not wait for the write under way.
        const destination = pino.destination({ dest: 1, sync: false, minLength: 1, maxLength: MAX_UNREAD_BYTES });
        to = pino(stamped, destination);
        flushed = () =>
          new Promise((resolve) => {
            destination.flush(() => resolve());
            setTimeout(resolve, MAX_FLUSH_MS);
          });
      }
      for (const { level, fields, message } of kept.splice(0)) to[level](fields, message);
    },
    flushed: () => flushed(),
  };
}

// Keeps from a logger what is below a level.

import { LOG_LEVELS, type LogLevel } from "../shared/log-level.ts";
import type { BrokerLogger } from "./options.ts";

const ignore = (): void => {};

/** `logger`, told nothing below `level`; undefined where that is nothing at all. */
export function atLevel(logger: BrokerLogger, level: LogLevel): BrokerLogger | undefined {
  if (level === "debug") return logger;
  if (level === "silent") return undefined;
  const least = LOG_LEVELS.indexOf(level);
  const from = (name: keyof BrokerLogger): BrokerLogger[keyof BrokerLogger] =>
    LOG_LEVELS.indexOf(name) < least ? ignore : (fields, message) => logger[name](fields, message);
  return { debug: ignore, info: from("info"), warn: from("warn"), error: from("error") };
}

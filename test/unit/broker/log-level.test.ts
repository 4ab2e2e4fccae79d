import { expect, test } from "vitest";

import { atLevel } from "../../../broker/log-level.ts";
import { resolveOptions } from "../../../broker/options.ts";
import { LOG_LEVELS, type LogLevel } from "../../../shared/log-level.ts";

/** The levels of what a logger is told that is kept to `level`. */
function told(level: LogLevel): string[] {
  const levels: string[] = [];
  const all = ["debug", "info", "warn", "error"] as const;
  const note = (name: string) => (): void => void levels.push(name);
  const logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  const kept = atLevel(logger, level);
  for (const name of all) kept?.[name]({}, "said");
  return levels;
}

test.each(LOG_LEVELS.map((level, i) => [level, i] as const))("%s is all from itself up", (level, i) => {
  expect(told(level)).toEqual(["debug", "info", "warn", "error"].slice(i));
});

test("a logger keeps its own object", () => {
  const seen: unknown[] = [];
  const logger = {
    debug: () => {},
    info: () => {},
    warn(fields: object, message: string): void {
      seen.push(this === logger, fields, message);
    },
    error: () => {},
  };
  atLevel(logger, "info")!.warn({ a: 1 }, "m");
  expect(seen).toEqual([true, { a: 1 }, "m"]);
});

test("another level is refused", () => {
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  expect(() => resolveOptions({ logger, logLevel: "loud" as never })).toThrow(/logLevel must be one of debug, info/);
  expect(resolveOptions({ logger, logLevel: "silent" }).logger).toBeUndefined();
  expect(resolveOptions({ logger }).logger).toBe(logger);
});

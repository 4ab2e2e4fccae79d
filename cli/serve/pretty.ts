// A line of the log for people: time, level where it is not the usual one, message, fields. Pure. Nothing that a client chose gets
// through to the terminal unescaped.

import { printable } from "../../shared/printable.ts";

/** `12:34:56 listening address=@podbus`, of one line of pino's JSON. */
export function prettyLine(json: string): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const clock = new Date(Number(time)).toTimeString().slice(0, 8);
  const loud = level === "info" ? "" : ` ${String(level).toUpperCase()}`;
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${show(value)}`);
  return printable(`${clock}${loud} ${String(msg)}${rest.join("")}`);
}

function show(value: unknown): string {
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

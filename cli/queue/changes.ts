// `OPTION=VALUE…` of `podbus queue set`, as the broker wants it. Pure. Whether a value makes sense for the queue is the broker's to say.

import { InvalidArgumentError } from "commander";

import { type NumberKind, parseNumber } from "../numbers.ts";
import { UsageError } from "../usage.ts";
import { printable } from "../../shared/printable.ts";

/** What may change while a queue lives: a number of such a kind, or text. */
const CHANGEABLE: Readonly<Record<string, NumberKind | "text">> = {
  maxMessages: { kind: "count", minimum: 1 },
  maxBytes: { kind: "size", minimum: 1 },
  overflow: "text",
  ackTimeoutMs: { kind: "duration", minimum: 0 },
  maxAttempts: { kind: "count", minimum: 0 },
  deadLetter: "text",
  dedupeMs: { kind: "duration", minimum: 0 },
};

/** The options by their names; false for one that is taken away. @throws UsageError for one that can't be. */
export function changesOf(texts: readonly string[]): Record<string, string | number | false> {
  return Object.fromEntries(texts.map(changeOf));
}

function changeOf(text: string): [string, string | number | false] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`expected OPTION=VALUE, not ${printable(text, 40)}`);
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  const kind = Object.hasOwn(CHANGEABLE, name) ? CHANGEABLE[name] : undefined;
  if (kind === undefined) {
    const known = Object.keys(CHANGEABLE).join(", ");
    throw new UsageError(`${printable(name, 40)} can't be changed while a queue lives; what can is ${known}`);
  }
  if (value === "" && name === "deadLetter") return [name, false];
  if (value === "") throw new UsageError(`${name} needs a value; deadLetter alone can be taken away`);
  if (kind === "text") return [name, value];
  try {
    return [name, parseNumber(kind, value)];
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new UsageError(`${name}=${printable(value, 40)} is invalid: ${error.message}`, { cause: error });
  }
}

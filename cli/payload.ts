// What was typed or piped, to what is sent. Pure.
//
// What is typed (DATA on the command line) is a value: JSON where it is an object, an array, a number, true, false or null, text
// otherwise. What is piped is taken as it is: text where it is UTF-8, bytes where it is not. `--as` overrides both.

import { isUtf8 } from "node:buffer";

import { UsageError } from "./usage.ts";

export const AS = ["auto", "text", "json", "bytes"] as const;
export type As = (typeof AS)[number];

/** The value of one DATA argument. @throws UsageError where `--as json` was asked for and it is none. */
export function typedPayload(text: string, as: As): unknown {
  switch (as) {
    case "auto":
      return jsonOrText(text);
    case "text":
      return text;
    case "json":
      return parseJson(text);
    case "bytes":
      return Buffer.from(text);
  }
}

/** The value of what came from standard input, as a whole or as one line of it. */
export function pipedPayload(bytes: Buffer, as: As): unknown {
  if (as === "bytes") return bytes;
  if (as === "json") return parseJson(bytes.toString());
  if (as === "text" && !isUtf8(bytes)) throw new UsageError("standard input is not UTF-8; use --as bytes");
  return isUtf8(bytes) ? bytes.toString() : bytes;
}

/**
 * JSON's value, but for strings, and for numbers that JavaScript would write otherwise: "1.10" is a version, and a number of 20
 * digits would be rounded. Those stay the text that they are.
 */
function jsonOrText(text: string): unknown {
  if (!/^[-\d[{tfn]/.test(text)) return text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  return typeof value === "number" && String(value) !== text ? text : value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UsageError(`what was given is not JSON: ${(error as Error).message}`);
  }
}

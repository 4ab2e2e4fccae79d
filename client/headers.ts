// What may stand in headers: a name and a scalar each, which every language has and every queue can read.

import type { Headers } from "../shared/codec/value.ts";
import { PodbusError } from "../shared/errors.ts";
import { quote } from "../shared/quote.ts";

/** Says what is wrong with `headers`; undefined where nothing is, or there are none. */
export function headersProblem(headers: Headers | undefined): PodbusError | undefined {
  if (headers === undefined) return undefined;
  if (!isPlain(headers)) return bad("headers must be an object of names and scalars");
  for (const name of Object.keys(headers)) {
    const value: unknown = headers[name];
    if (isScalar(value)) continue;
    const came = typeof value === "object" ? "a structure" : `a ${typeof value}`;
    return bad(`the header ${quote(name)} must be text, a number, true or false, null or bytes, not ${came}`);
  }
  return undefined;
}

function isPlain(headers: unknown): boolean {
  return typeof headers === "object" && headers !== null && !Array.isArray(headers) && !ArrayBuffer.isView(headers);
}

function isScalar(value: unknown): boolean {
  if (typeof value === "object") return value === null || value instanceof Uint8Array || value instanceof Date;
  return typeof value !== "function" && typeof value !== "symbol";
}

function bad(message: string): PodbusError {
  return new PodbusError("bad_payload", message);
}

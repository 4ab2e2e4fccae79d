// The grammar of addresses (docs/protocol.md, Transport): what may be written, and which kind of socket it means. Pure: whether
// this system has such sockets, and whether anybody listens there, is for shared/os/ to find out.

import { PodbusError } from "./errors.ts";
import { printable } from "./printable.ts";

/** Bytes of an abstract name, or of a path: `sun_path` has 108, one of which is the NUL in front or behind. */
export const MAX_ADDRESS_BYTES = 107;

/** Where a broker listens. `text` is the address as it was written, which is also how it is shown. */
export type Address =
  /** A Linux abstract socket; `name` is what follows the `@`. */
  | { readonly kind: "abstract"; readonly name: string; readonly text: string }
  /** A file-system socket. */
  | { readonly kind: "file"; readonly path: string; readonly text: string }
  /** An abstract name that the kernel picks. Only a broker can ask for it. */
  | { readonly kind: "autobind"; readonly text: "@" };

export interface ParseAddressOptions {
  /** Whether `@` alone is allowed: true for one who listens, false for one who connects. @default false */
  readonly autobind?: boolean;
}

const EXPECTED = "expected @NAME, or the path of a socket that begins with / or .";

/** Reads an address. Throws `bad_address`. */
export function parseAddress(text: string, { autobind = false }: ParseAddressOptions = {}): Address {
  if (typeof text !== "string") throw bad(String(text), EXPECTED);
  if (text === "") throw bad(text, `${EXPECTED}; for the default, leave it out or write @podbus`);
  const isAbstract = text.startsWith("@");
  if (!isAbstract && !text.startsWith("/") && !text.startsWith(".")) {
    throw bad(text, `${EXPECTED}; write @${hint(text)} or ./${hint(text)}`);
  }
  if (text === "@") {
    if (autobind) return { kind: "autobind", text };
    throw bad(text, "expected a name behind the @; the kernel picks one only for a broker, whose log tells it");
  }
  if (text.includes("\0"))
    throw bad(text, "expected no NUL byte; leave it out (the @ already stands for the one in front)");

  const name = isAbstract ? text.slice(1) : text;
  const bytes = Buffer.from(name);
  if (bytes.toString() !== name) throw bad(text, "expected well-formed Unicode, and it has half of a surrogate pair");
  if (bytes.length > MAX_ADDRESS_BYTES) {
    const what = isAbstract ? "name" : "path";
    const remedy = isAbstract ? "choose a shorter one" : "choose a shorter one, such as a relative path";
    throw bad(text, `expected a ${what} of at most ${MAX_ADDRESS_BYTES} bytes, got ${bytes.length}; ${remedy}`);
  }
  return isAbstract ? { kind: "abstract", name, text } : { kind: "file", path: text, text };
}

const bad = (text: string, rest: string): PodbusError =>
  new PodbusError("bad_address", `"${printable(text, 120)}" is not an address: ${rest}`);

const hint = (text: string): string => (/^[\w.-]{1,40}$/.test(text) ? text : "podbus");

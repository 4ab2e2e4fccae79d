// The one line for a broker that can't be reached, or that lets this client in at no try: the address, why, which sockets there are instead,
// and what to do. Loaded when
// needed.

import type { Address } from "../shared/address.ts";
import { PodbusError } from "../shared/errors.ts";
import { printable } from "../shared/printable.ts";

/** What a broker says that may let this client in later. */
const ANSWERS: ReadonlySet<string> = new Set(["limit", "closing", "unavailable"]);
/** Names that are shown. */
const SHOWN = 8;

export async function unreachable(address: Address, waitedMs: number, cause: unknown): Promise<PodbusError> {
  const shown = printable(address.text);
  const waited = waitedMs >= 1000 ? ` within ${Math.round(waitedMs / 1000)} s` : "";
  // One that answered is there: another would not do better.
  if (cause instanceof PodbusError && ANSWERS.has(cause.code)) {
    return new PodbusError(cause.code, `the broker on ${shown} let nobody in${waited}: ${cause.message}`, { cause });
  }
  const message = `no broker could be reached on ${shown}${waited} (${describe(cause)}); ${await others(address)}; start one with: podbus serve --address ${shown}`;
  return new PodbusError("disconnected", message, { cause });
}

function describe(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  switch (code) {
    case "ECONNREFUSED":
      return "nobody listens there";
    case "ENOENT":
      return "there is no such file";
    case "EAGAIN":
      return "too many wait to be accepted";
    case "EACCES":
      return "this user may not connect there";
    default:
      return cause instanceof PodbusError || code === undefined ? printable(message) : code;
  }
}

async function others(address: Address): Promise<string> {
  try {
    const { listSockets } = await import("../shared/os/sockets.ts");
    const names = listSockets({ all: address.kind === "file" })
      .filter(({ state }) => state === "listening")
      .map((socket) => printable(socket.address));
    const kind = address.kind === "file" ? "sockets" : "abstract sockets";
    if (names.length === 0) return `no ${kind} listen in this network namespace`;
    const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
    return `${kind} that listen here: ${names.slice(0, SHOWN).join(", ")}${more}`;
  } catch (error) {
    return (error as Error).message;
  }
}

// The one sentence for an abstract address on a system that has none.

import { PodbusError } from "../errors.ts";
import { printable } from "../printable.ts";

/** `why` is what stands in the way. */
export function needsLinux(address: string, why: Error): PodbusError {
  const reason =
    process.platform === "linux"
      ? `koffi, which makes abstract sockets, could not be loaded (${printable(why.message, 200)})`
      : `abstract sockets exist on Linux only, and this is ${process.platform}`;
  return new PodbusError(
    "bad_address",
    `${printable(address)} can't be used here: ${reason}; set PODBUS_ADDRESS=./podbus.sock`,
    {
      cause: why,
    },
  );
}

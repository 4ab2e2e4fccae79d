// Whether the broker's options are safe where this process is: what `serve` refuses to start with, and `check-config` tells.

import type { BrokerOptions } from "../../broker/index.ts";
import { parseAddress } from "../../shared/address.ts";
import { readNamespaceFacts } from "../../shared/os/namespace.ts";
import { DEFAULT_ADDRESS } from "../../shared/protocol.ts";
import { hostNetworkProblem } from "../doctor/namespace.ts";

/** Why not: in a node's network namespace a broker without a secret is everybody's. Undefined where it is. */
export function hostNetworkRefusal({ address = DEFAULT_ADDRESS, secretFile }: BrokerOptions): string | undefined {
  return hostNetworkProblem({
    address: parseAddress(address, { autobind: true }),
    facts: readNamespaceFacts(),
    hasSecret: secretFile !== undefined,
  });
}

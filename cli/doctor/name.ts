// Whether the address is free, and who has it: the check of the name, and that of the broker behind it. Pure.

import type { Address } from "../../shared/address.ts";
import type { Credentials } from "../../shared/os/credentials.ts";
import type { Holder } from "../../shared/os/holders.ts";
import type { SocketInfo } from "../../shared/os/sockets.ts";
import { printable } from "../../shared/printable.ts";
import type { Greeting } from "../ls/probe.ts";
import type { Check } from "./check.ts";

export interface NameFacts {
  readonly address: Address;
  /** The named sockets of this namespace, or why they can't be listed. */
  readonly sockets: readonly SocketInfo[] | string;
  /** The kernel's word on who listens there; undefined where nobody accepts. */
  readonly listener: Credentials | undefined;
  /** The broker's first word, where one listens. */
  readonly greeting: Greeting | undefined;
  /** What came of connecting as a client does, with the options that were given: `connected`, or why not. Undefined: not tried. */
  readonly client: { readonly connected: true } | { readonly code: string; readonly message: string } | undefined;
  readonly uid: number;
}

/** A pid of another pid namespace, which the kernel shows as none. */
const NO_PID = 0;

export function checkName(facts: NameFacts): Check[] {
  const { address, sockets, listener } = facts;
  const shown = printable(address.text);
  const found = typeof sockets === "string" ? [] : sockets.filter((socket) => socket.address === address.text);
  const exact = found.find(({ padding, type }) => padding === 0 && type === "stream");
  const padded = found.find(({ padding }) => padding > 0);
  const common = {
    check: "name",
    facts: { address: address.text, listener: listener ?? null, sockets: found },
  } as const;
  if (listener !== undefined) {
    const who = `${shown} is taken by ${whoHolds(exact?.holders ?? [], listener)}`;
    return [{ ...common, state: "ok", says: who }, checkBroker(facts)];
  }
  if (typeof sockets === "string") {
    return [{ ...common, state: "warning", says: `nobody accepts on ${shown}, and ${sockets}` }];
  }
  if (exact !== undefined && exact.state !== "connected") {
    const says = `${shown} is taken by ${whoHolds(exact.holders, undefined)}, and nobody accepts there (${exact.state})`;
    return [{ ...common, state: "problem", says, advice: "end that process, or choose another address (--address)" }];
  }
  if (padded !== undefined) {
    const says = `${shown} is free, but ${whoHolds(padded.holders, undefined)} listens on that name with ${padded.padding} NULs behind it, which is another one`;
    const advice = "have its clients and it use the exact name: Node 20's net pads abstract names, and podbus does not";
    return [{ ...common, state: "warning", says, advice }];
  }
  const still = exact === undefined ? "" : ` (${exact.connections} connections of one who listened there live on)`;
  return [{ ...common, state: "ok", says: `${shown} is free${still}: nobody listens there` }];
}

function checkBroker({ address, greeting, client, listener, uid }: NameFacts): Check {
  const shown = printable(address.text);
  const common = { check: "broker", facts: { greeting: greeting ?? null, client: client ?? null } } as const;
  if (client !== undefined && "connected" in client) {
    const says = `a broker of protocol ${greeting?.protocol ?? "?"} listens on ${shown}, and lets uid ${uid} in`;
    const stranger = listener!.uid !== uid && listener!.uid !== 0;
    if (!stranger) return { ...common, state: "ok", says };
    const advice = `if that is as it should be, have clients require it: PODBUS_BROKER_UID=${listener!.uid}`;
    return { ...common, state: "warning", says: `${says}; it runs as another uid (${listener!.uid})`, advice };
  }
  if (greeting === undefined && client?.code !== "not_allowed") {
    const says = `who listens on ${shown} does not greet as a broker of podbus does`;
    return { ...common, state: "problem", says, advice: "end that process, or choose another address (--address)" };
  }
  if (client?.code === "bad_auth") {
    const says = `who listens on ${shown} greets as a broker, but it and this process did not prove the same secret to each other: ${client.message}`;
    const advice =
      "give both the same secret; where the name is not held by the broker that you mean, end that process, or choose another address (--address)";
    return { ...common, state: "problem", says, advice };
  }
  const says = `a broker listens on ${shown}, and does not let this process in: ${client?.message ?? "it was not asked"}`;
  return { ...common, state: "problem", says, advice: "the message names what would admit it" };
}

function whoHolds(holders: readonly Holder[], listener: Credentials | undefined): string {
  if (holders.length > 0) {
    return holders
      .map(({ pid, user, command }) => `${printable(command)} (pid ${pid}, user ${printable(user)})`)
      .join(", ");
  }
  if (listener === undefined) return "a process that can't be seen by this user, or from this container";
  const pid = listener.pid === NO_PID ? "in another container or pid namespace" : `pid ${listener.pid}`;
  return `a process of uid ${listener.uid} (${pid})`;
}

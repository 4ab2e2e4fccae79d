// Why a broker may close a connection with an error.

import { Op } from "../wire.ts";
import { type PeerView, violation } from "./peer.ts";

/** Throws where nothing explains that the broker closes `peer` with `code`. */
export function checkClosing(peer: PeerView, code: string): void {
  const { oracle } = peer;
  const { nowMs, world } = oracle;
  const isExpected = (): boolean => {
    switch (code) {
      case "bad_frame":
      case "too_large":
        return peer.isBad && peer.connection.badCodes.includes(code);
      case "bad_hello":
        return (
          (peer.isBad && peer.connection.badCodes.includes(code)) ||
          (peer.state === "hello" && peer.rest.length > 1 && peer.rest[1] !== Op.HELLO) ||
          (peer.state === "hello" && nowMs - peer.acceptedMs >= world.handshakeMs)
        );
      case "closing":
        return world.isClosing();
      case "limit":
        return (
          oracle.isShortOfMemory ||
          peer.state === "hello" || // it makes room for another
          [...peer.subs.values()].some(
            (it) => it.kind === "plain" && it.policy === "disconnect" && (it.wasFull || it.isSystem),
          )
        );
      case "stalled":
        return mayBeStalled(peer, nowMs, world.stallMs);
      default:
        return false;
    }
  };
  if (isExpected()) return;
  const bad = peer.isBad ? `, where ${peer.connection.badCodes.join(" or ")} was due` : ", which nothing explains";
  throw violation(peer, `the broker closes it with ${code}${bad}`);
}

function mayBeStalled(peer: PeerView, nowMs: number, stallMs: number): boolean {
  if (nowMs - peer.lastSignMs >= stallMs) return true;
  return [...peer.subs.values()].some((it) => it.isHeld && nowMs - it.heldSinceMs >= stallMs);
}

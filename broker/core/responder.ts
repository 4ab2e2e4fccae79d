// A subscription that receives requests. What it has not answered is counted here; the requests themselves are in Requests.

import { MAX_UNANSWERED, OUTGOING_BYTES } from "../../shared/protocol.ts";
import type { Peer } from "./peer.ts";

export class Responder {
  readonly kind = "responder";
  readonly sid: number;
  readonly pattern: string;
  readonly peer: Peer;
  unanswered = 0;
  /** When it was last given a request, as a count: who was longest without one is next among equals. */
  lastTurn = 0;
  /** Whether the client holds it with XOFF. */
  held = false;

  constructor(peer: Peer, sid: number, pattern: string) {
    this.peer = peer;
    this.sid = sid;
    this.pattern = pattern;
  }

  /** Whether it takes a request now; where not, it is passed over. */
  get available(): boolean {
    const { link } = this.peer;
    return (
      !this.held &&
      !this.peer.leaving &&
      this.unanswered < MAX_UNANSWERED &&
      link.pendingBytes + link.writingBytes < OUTGOING_BYTES
    );
  }

  hold(held: boolean): void {
    this.held = held;
  }
}

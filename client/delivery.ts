// The context of a run of messages, as a FOR frame gave it: for whom they are, their numbers, their attempt. One for many
// messages; each of them points to it.

import type { Verdict } from "./acks.ts";

export interface DeliveryOwner {
  /** The pattern, where it is a topic: then every message has that one. */
  readonly fixedTopic: string | undefined;
  /** Whether it takes requests, and not messages. */
  readonly answers: boolean;
  /** Sends a verdict. `sid` tells whether the connection that the message came by is still the one. */
  settle(sid: number, seq: number, verdict: Verdict, delayMs?: number): void;
}

export class Delivery<Owner extends DeliveryOwner = DeliveryOwner> {
  readonly owner: Owner;
  readonly sid: number;
  readonly attempt: number;
  readonly retained: boolean;
  readonly answers: boolean;
  /** The next message's number; 0 where its subscription does not acknowledge. */
  seq: number;

  constructor(owner: Owner, sid: number, seq: number, attempt: number, retained: boolean) {
    this.owner = owner;
    this.sid = sid;
    this.seq = seq;
    this.attempt = attempt;
    this.retained = retained;
    this.answers = owner.answers;
  }
}

// What a bus tells those who listen: one object an event, told apart by `type`.

import type { PodbusError } from "../shared/errors.ts";
import type { Message } from "./message.ts";
import type { Subscription } from "./subscription.ts";

/** The first connection is open. Emitted after `connect()` has resolved. */
export interface ConnectEvent {
  readonly type: "connect";
  readonly address: string;
  /** The number by which the broker knows this connection. */
  readonly client: number;
}

/** The connection is gone; the client tries to get a new one. */
export interface DisconnectEvent {
  readonly type: "disconnect";
  /** Why; code `closing` where the broker ended in order. */
  readonly error: PodbusError;
  /** Publishes that were sent without `confirm` and that no answer covers: they may have arrived, or not. */
  readonly unconfirmed: number;
}

/** There is a connection again; subscriptions and responders have been restored. */
export interface ReconnectEvent {
  readonly type: "reconnect";
  readonly address: string;
  readonly client: number;
  /** How long there was none. */
  readonly awayMs: number;
}

/** Messages of a subscription were lost, at this point of it. */
export interface GapEvent {
  readonly type: "gap";
  readonly subscription: Subscription;
  /** How many; undefined where nobody knows. */
  readonly lost: number | undefined;
  /** `dropped`: its queue was full. `disconnected`: it was away. */
  readonly why: "dropped" | "disconnected";
}

/** A topic that this client publishes to is held up. */
export interface BlockedEvent {
  readonly type: "blocked";
  readonly topic: string;
  /** What holds it up, in the broker's words: `queue NAME` or `client NUMBER`. */
  readonly why: string | undefined;
}

/** It no longer is. */
export interface UnblockedEvent {
  readonly type: "unblocked";
  readonly topic: string;
}

/** Something failed that no promise could tell. */
export interface ErrorEvent {
  readonly type: "error";
  /** What a handler threw, or a {@link PodbusError}. */
  readonly error: unknown;
  /** `handler`: it threw. `publish`: the broker refused it. `subscription`: the broker refused or ended it. `connection`: it failed. */
  readonly where: "handler" | "publish" | "subscription" | "connection";
  /** Of a refused publish, or of a responder. */
  readonly topic?: string;
  /** Of a handler, or that ended. */
  readonly subscription?: Subscription;
  /** What the handler was given. */
  readonly message?: Message;
}

/** The bus is closed. The last event. */
export interface CloseEvent {
  readonly type: "close";
  /** Why; absent where its owner closed it. */
  readonly error?: PodbusError;
}

export type BusEvent =
  ConnectEvent | DisconnectEvent | ReconnectEvent | GapEvent | BlockedEvent | UnblockedEvent | ErrorEvent | CloseEvent;

export type EventName = BusEvent["type"];

/** The event of a name. */
export type EventOf<Name extends EventName> = Extract<BusEvent, { type: Name }>;

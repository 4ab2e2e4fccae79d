// The broker's limits and times, as the core needs them: all given, all checked. broker/options.ts has the user's side.

import type { Allow } from "./allow.ts";
import type { PeerContainer, PeerCredentials } from "./peer.ts";
import type { Rule } from "./rules.ts";
import type { Secrets } from "./secrets.ts";

export interface CoreOptions {
  /** The address as it is shown: `@name` or a path. */
  readonly address: string;
  /** Version of the package. */
  readonly version: string;
  /** The broker's process, 0 in a simulation. */
  readonly pid: number;
  /** A name for this broker, unlike any other's. */
  readonly brokerId: string;
  readonly maxFrame: number;
  readonly maxConnections: number;
  readonly maxSubscriptions: number;
  readonly maxRetained: number;
  readonly maxQueues: number;
  readonly maxRequests: number;
  readonly handshakeMs: number;
  readonly heartbeatMs: number;
  readonly stallMs: number;
  readonly headroom: number;
  /** Bytes that the broker may hold; may be changed later. */
  readonly memoryLimit: number;
  /** Who may connect. */
  readonly allow: Allow;
  /** Who may do what; undefined: everybody everything. May be changed later, as long as there are any. */
  readonly rules: readonly Rule[] | undefined;
  /** What clients must prove; undefined: nothing. May be changed later, likewise. */
  readonly secrets: Secrets | undefined;
}

/** What the core is given of the world. All of it can be simulated. */
export interface CoreEnv {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Milliseconds since 1970, on a clock that may jump. */
  wallNow(): number;
  /** `bytes` that nobody can foresee. */
  random(bytes: number): Buffer;
  /** Asks that {@link Core.flush} be called at the end of this turn. Asked once a turn. */
  scheduleFlush(): void;
  /** Asks that {@link Core.goOn} be called once others have had their turn. Asked once a turn. */
  nextTurn(): void;
  /** Asks that {@link Core.alarm} be called at `atMs` of {@link now}; replaces what was asked before. Infinity: not at all. */
  setAlarm(atMs: number): void;
  /** Asks that memory which nobody holds be freed now. */
  collect(): void;
  /** The container of a process, as far as it can be seen. */
  containerOf(pid: number): PeerContainer | undefined;
  /** A connection of this peer ends that never opened. */
  neverOpened(credentials: PeerCredentials): void;
  log(level: "debug" | "info" | "warn" | "error", fields: Record<string, unknown>, message: string): void;
}

// What the oracle has to be told of the broker's limits, and of the world.

import type { FaultCounts } from "../faults.ts";

export interface OracleWorld {
  readonly faults: FaultCounts;
  readonly hasDisk: boolean;
  readonly headroom: number;
  readonly stallMs: number;
  readonly handshakeMs: number;
  /** How late the broker may be with what is due: its clock is coarse, its alarms late, its process frozen. */
  readonly slackMs: number;
  readonly maxSubscriptions: number;
  readonly maxRetained: number;
  readonly isShortOfMemory: boolean;
  /** Writes a line of the trace, where somebody reads it. */
  say(text: () => string): void;
  /** The broker's clock. */
  nowMs(): number;
  events(): number;
  flushes(): number;
  isTurnOpen(): boolean;
  isClosing(): boolean;
  /** Whether there is a queue of that name, and which. */
  queue(name: string): object | undefined;
}

/** What survives a broker, as far as can be known. */

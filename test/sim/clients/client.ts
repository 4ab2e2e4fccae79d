// What every client of a run is to the world, whether it speaks the wire itself or through podbus's own client.

import type { ClientEnd, Connection, Net } from "../connection.ts";
import type { FaultCounts } from "../faults.ts";
import type { Loop } from "../loop.ts";

export interface Client {
  /** No more faults: it reads again, settles what it holds, answers what it was asked, and begins nothing new. */
  finish(): void;
  /** One that hung wakes up. */
  wake(): void;
  /** Whether it has nothing left to do. */
  readonly isDone: boolean;
  /** What it waits for, in words. */
  readonly waitsFor?: string;
  /** All has come that comes: whether it was told all of it. @throws Violation */
  check?(): void;
  /** It goes. */
  leave(): void;
  /** It is gone. @throws Violation where it waits for something still */
  checkSettled?(): void;
}

/** What a client needs of the world. */
export interface ClientWorld {
  readonly loop: Loop;
  readonly faults: FaultCounts;
  /** A number for a message, used once. */
  nextUid(): number;
  /** Ends the run: something forbidden happened where nobody would hear of an error. */
  fail(error: Error): void;
  /** Undefined where nobody listens. */
  dial(net: Net, end: ClientEnd): Connection | undefined;
}

// Everything that the client takes from outside itself, in one place: time, chance, turns of the event loop, and the way to a
// broker. client/node-env.ts is the real one; in a simulation another takes its place. Nothing else in client/ may reach for
// any of it.

import type { Claim } from "./proof.ts";
import type { Transport, TransportSink } from "./transport.ts";

export interface Env {
  /** Milliseconds of a clock that never goes back. */
  nowMs(): number;
  /** Calls `run` once, `delayMs` from now. Returns what cancels that. */
  after(delayMs: number, run: () => void): () => void;
  /** Calls `run` when the code that runs now, and the promises that it settled, are done: before anything is read. */
  atTurnEnd(run: () => void): void;
  /** Calls `run` after the event loop has looked for input once more. */
  nextTurn(run: () => void): void;
  /** From 0 to 1, 1 excluded. */
  random(): number;
  /** A string that no other call on this machine returned. */
  uniqueId(): string;
  /** What the next connection is to prove. @throws PodbusError `bad_option` where the secret can't be read */
  claim(): Claim;
  /**
   * Connects to the broker's address. Rejects with a PodbusError that is final (`bad_address`, `not_allowed`), or with any other
   * error where trying again makes sense.
   */
  dial(sink: TransportSink): Promise<Transport>;
  /** Tells a person of something that no listener heard. */
  warn(message: string): void;
}

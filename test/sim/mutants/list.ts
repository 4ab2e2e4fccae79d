// The planted bugs: each is one change of one source file, which must apply exactly once. A change to the code that makes one
// impossible is told when mutants are run: plant it anew then.

import { CLIENT_MUTANTS } from "./client.ts";
import { CORE_MUTANTS } from "./core.ts";
import { QUEUE_MUTANTS } from "./queues.ts";
import { STORE_MUTANTS } from "./store.ts";

export interface Mutant {
  /** What is wrong with it, in a few words. */
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const MUTANTS: readonly Mutant[] = [...CORE_MUTANTS, ...QUEUE_MUTANTS, ...STORE_MUTANTS, ...CLIENT_MUTANTS];

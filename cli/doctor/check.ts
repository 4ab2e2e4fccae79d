// What `podbus doctor` finds out about one thing: how it stands, and what to do about it.

type State = "ok" | "warning" | "problem";

export interface Check {
  /** One word, the same with each version: programs read it. */
  readonly check:
    "namespace" | "name" | "broker" | "credentials" | "secret" | "files" | "memory" | "backlog" | "data" | "socket";
  /** `warning`: works, and may not be what is wanted. `problem`: does not work, or is not safe. */
  readonly state: State;
  /** A sentence or two, without a full stop at the end. */
  readonly says: string;
  /** What to change, where there is something. */
  readonly advice?: string;
  /** The same for programs. */
  readonly facts: Readonly<Record<string, unknown>>;
}

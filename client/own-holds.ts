// Topics in XOFF that this client itself can free: what holds them up is emptied by subscriptions of its own. Tells whether the code
// that publishes now is what empties them, and has handlers tracked for as long as that matters.

import { matches } from "../shared/topic.ts";
import type { HandlerScope } from "./handler-scope.ts";
import type { Subscriber } from "./subscriber.ts";

/** Whether the code that runs now is what empties the queue that holds a topic up; "unknown" where a handler may be. */
export type Emptying = "yes" | "no" | "unknown";

export class OwnHolds {
  readonly #scope: HandlerScope;
  readonly #subscribers: ReadonlySet<Subscriber>;
  readonly #topics = new Set<string>();

  constructor(scope: HandlerScope, subscribers: ReadonlySet<Subscriber>) {
    this.#scope = scope;
    this.#subscribers = subscribers;
  }

  /** XOFF. `why` is the broker's: `queue NAME` or `client NUMBER`; `client` is our own number. */
  blocked(topic: string, why: string | undefined, client: number): void {
    if (this.#emptiers(topic, why, client).length === 0) return;
    this.#topics.add(topic);
    void this.#scope.track();
  }

  /** XON. */
  unblocked(topic: string): void {
    if (this.#topics.delete(topic) && this.#topics.size === 0) this.#scope.untrack();
  }

  emptying(topic: string, why: string | undefined, client: number): Emptying {
    if (!this.#topics.has(topic)) return "no";
    const emptiers = this.#emptiers(topic, why, client);
    const { current } = this.#scope;
    if (current !== undefined) return emptiers.some((emptier) => emptier === current) ? "yes" : "no";
    return emptiers.some((emptier) => emptier.untracked > 0) ? "unknown" : "no";
  }

  #emptiers(topic: string, why: string | undefined, client: number): Subscriber[] {
    const [kind, who] = (why ?? "").split(" ", 2);
    const isOwn = kind === "client" && who === String(client);
    return [...this.#subscribers].filter(({ kind: { queue, pattern } }) =>
      queue === undefined ? isOwn && matches(pattern, topic) : kind === "queue" && who === queue,
    );
  }
}

// Requests whose responders were all busy: nobody was asked, so they wait here, in order, and one goes whenever another to the same
// topic is done, so that many at once do not refuse each other. Now and then a few go all the same, since others may have freed a
// responder. Once nothing was done for a second they fail with what the broker said. It knows no frame and no deadline.

import type { PodbusError } from "../shared/errors.ts";
import { Deque } from "./deque.ts";
import type { Env } from "./env.ts";

const PATIENCE_MS = 1_000;
const PROBE_MS = 20;
/** Requests that go with a probe. */
const PROBES = 8;

export interface BusyHooks<Request> {
  /** Sends one, unless it is gone meanwhile. False where it was. */
  send(request: Request): boolean;
  giveUp(request: Request, error: PodbusError): void;
}

interface Busy<Request> {
  /** Those that were sent and refused, in that order; they go first. */
  readonly refused: Deque<Request>;
  /** Those that came since, and were not sent. */
  readonly waiting: Deque<Request>;
  /** When one was last done. */
  progressMs: number;
  error: PodbusError;
  cancelProbe: () => void;
}

export class BusyTopics<Request> {
  readonly #env: Env;
  readonly #hooks: BusyHooks<Request>;
  readonly #topics = new Map<string, Busy<Request>>();

  constructor(env: Env, hooks: BusyHooks<Request>) {
    this.#env = env;
    this.#hooks = hooks;
  }

  /** Whether some wait. */
  has(topic: string): boolean {
    if (this.#topics.size === 0) return false;
    const busy = this.#topics.get(topic);
    return busy !== undefined && !isEmpty(busy);
  }

  /** Behind those that wait. Only where some do. */
  add(topic: string, request: Request): void {
    this.#topics.get(topic)!.waiting.push(request);
  }

  /** The broker found all responders busy: before those that were not sent yet. */
  refused(topic: string, request: Request, error: PodbusError): void {
    let busy = this.#topics.get(topic);
    if (busy === undefined) {
      busy = {
        refused: new Deque(),
        waiting: new Deque(),
        progressMs: this.#env.nowMs(),
        error,
        cancelProbe: () => {},
      };
      this.#topics.set(topic, busy);
      this.#probeSoon(topic, busy);
    }
    busy.error = error;
    busy.refused.push(request);
  }

  /** A request to `topic` is done: there is room for another. */
  done(topic: string): void {
    const busy = this.#topics.get(topic);
    if (busy === undefined) return;
    busy.progressMs = this.#env.nowMs();
    this.#send(busy, 1);
    if (!isEmpty(busy)) return;
    busy.cancelProbe();
    this.#topics.delete(topic);
  }

  /** All of them are somebody else's now. */
  clear(): void {
    for (const { cancelProbe } of this.#topics.values()) cancelProbe();
    this.#topics.clear();
  }

  #send(busy: Busy<Request>, count: number): void {
    for (let left = count; left > 0;) {
      const request = busy.refused.shift() ?? busy.waiting.shift();
      if (request === undefined) break;
      if (this.#hooks.send(request)) left--;
    }
  }

  #probeSoon(topic: string, busy: Busy<Request>): void {
    busy.cancelProbe = this.#env.after(PROBE_MS, () => {
      if (this.#env.nowMs() - busy.progressMs < PATIENCE_MS) {
        // Where none is left they may come back: patience is for the topic.
        this.#send(busy, PROBES);
        this.#probeSoon(topic, busy);
        return;
      }
      this.#topics.delete(topic);
      for (const request of [...busy.refused.clear(), ...busy.waiting.clear()]) this.#hooks.giveUp(request, busy.error);
    });
  }
}

function isEmpty({ refused, waiting }: Busy<unknown>): boolean {
  return refused.length + waiting.length === 0;
}

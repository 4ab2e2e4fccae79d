// `$sys.wait`: callers that wait until somebody subscribes or responds to a topic. Asked again where subscriptions have changed.

import type { Deadlines, Timed } from "../../shared/deadlines.ts";
import type { Alarm, Core } from "./core.ts";
import type { Peer } from "./peer.ts";

/** Who listens to a topic. The members of a queue count as one queue. */
interface Listeners {
  subscriptions: number;
  queues: number;
  responders: number;
}

export class Wait implements Timed, Alarm {
  readonly kind = "wait";
  readonly peer: Peer;
  readonly id: number;
  readonly topic: string;
  readonly forResponder: boolean;
  /** Whether it is the request's own time-out that ends it, and not the one among its arguments. */
  readonly isRequests: boolean;
  heapIndex = -1;
  dueMs = 0;
  dueOrder = 0;
  readonly #waits: Waits;

  constructor(waits: Waits, peer: Peer, id: number, topic: string, forResponder: boolean, isRequests: boolean) {
    this.isRequests = isRequests;
    this.#waits = waits;
    this.peer = peer;
    this.id = id;
    this.topic = topic;
    this.forResponder = forResponder;
  }

  due(): void {
    this.#waits.timedOut(this);
  }
}

export class Waits {
  readonly #core: Core;
  readonly #deadlines: Deadlines<Alarm & Timed>;
  readonly #waiting = new Set<Wait>();

  constructor(core: Core, deadlines: Deadlines<Alarm & Timed>) {
    this.#core = core;
    this.#deadlines = deadlines;
  }

  /** @param waitMs how long the argument says; @param timeoutMs how long the request may take, 0: no limit. */
  add(peer: Peer, id: number, topic: string, forResponder: boolean, waitMs: number, timeoutMs: number): void {
    const isRequests = timeoutMs > 0 && timeoutMs < waitMs;
    const wait = new Wait(this, peer, id, topic, forResponder, isRequests);
    if (this.#answer(wait)) return;
    peer.ids.set(id, wait);
    this.#waiting.add(wait);
    peer.requests++;
    this.#deadlines.set(wait, this.#core.nowMs() + (isRequests ? timeoutMs : waitMs));
  }

  /** Subscriptions or responders were added. */
  check(): void {
    if (this.#waiting.size === 0) return;
    for (const wait of this.#waiting) if (this.#answer(wait)) this.cancel(wait);
  }

  cancel(wait: Wait): void {
    if (!this.#waiting.delete(wait)) return;
    wait.peer.requests--;
    this.#deadlines.delete(wait);
    wait.peer.ids.delete(wait.id);
  }

  timedOut(wait: Wait): void {
    this.cancel(wait);
    if (wait.isRequests)
      return wait.peer.error(wait.id, "timeout", "nobody listened to the topic within the request's time");
    const who = wait.forResponder ? "responds to it" : "listens to it";
    wait.peer.replyError(wait.id, `nobody ${who} yet; start the program that does, or wait longer`, "timeout");
  }

  #answer(wait: Wait): boolean {
    const listeners = this.#listeners(wait.topic);
    const enough = wait.forResponder
      ? listeners.responders > 0
      : listeners.subscriptions + listeners.queues + listeners.responders > 0;
    if (enough) wait.peer.replyValue(wait.id, listeners);
    return enough;
  }

  #listeners(topic: string): Listeners {
    const { outboxes, responders } = this.#core.match(topic);
    const queues = outboxes.filter((outbox) => this.#core.isQueue(outbox)).length;
    return { subscriptions: outboxes.length - queues, queues, responders: responders.length };
  }
}

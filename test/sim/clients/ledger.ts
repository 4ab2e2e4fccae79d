// What podbus's own client owes the program that uses it, held against what the oracle saw on its connections: handlers get all that was
// delivered, once and in order; nothing is acknowledged before it is done; publishes reach the broker once and in order, and not
// while their topic is in XOFF.

import type { Connection } from "../connection.ts";
import { Violation } from "../trace.ts";

/** What came for a subscription: a message by its number, or a GAP. */
interface Came {
  readonly connection: Connection;
  readonly what: number | string;
}

/** What is given in the order in which it came. */
interface Lane {
  readonly came: Came[];
  next: number;
}

export class Feed {
  readonly pattern: string;
  readonly #fail: (error: Error) => void;
  readonly #lanes = new Map<string, Lane>();
  /** Whose lane each came in. */
  readonly #laneOf = new Map<number | string, Lane>();
  /** How often each came: of those that came more than once it is not known which was given. */
  readonly #times = new Map<number | string, number>();

  constructor(pattern: string, fail: (error: Error) => void) {
    this.pattern = pattern;
    this.#fail = fail;
  }

  /** Its end was asked for: what waits may be dropped. */
  isEnding = false;
  /** Whether what waits is given back where its connection ends, and comes again. */
  isAcked = false;
  /** How many handlers there may be at work at once, and how many there are. */
  concurrency: number = Number.POSITIVE_INFINITY;
  running = 0;
  /** Whether GAPs are told beside it: a loop hears of a message a moment later than of what is told by an event. */
  isLoop = false;
  /** Whether several handlers run at once, and messages of one key wait for each other: the order is that of each key. */
  isKeyed = false;

  came(connection: Connection, what: number | string, key: string | undefined): void {
    if (this.isLoop && typeof what === "string") return;
    const name = !this.isKeyed ? "all" : typeof what === "string" ? "GAPs" : `key ${key}`;
    let lane = this.#lanes.get(name);
    if (lane === undefined) this.#lanes.set(name, (lane = { came: [], next: 0 }));
    lane.came.push({ connection, what });
    this.#laneOf.set(what, lane);
    this.#times.set(what, (this.#times.get(what) ?? 0) + 1);
  }

  /** Its handler is called. */
  called(): void {
    if (this.running < this.concurrency) return;
    this.#fail(new Violation(`${this.running} handlers of ${this.pattern} are at work, and one more is called`));
  }

  /** The program was given `what`. */
  given(what: number | string): void {
    try {
      this.#given(what);
    } catch (error) {
      this.#fail(error as Error); // to whoever called the handler it is just a handler that fails
    }
  }

  #given(what: number | string): void {
    let passed: Came | undefined;
    const lane = this.#laneOf.get(what) ?? { came: [], next: 0 };
    for (let at = lane.next; at < lane.came.length; at++) {
      const it = lane.came[at]!;
      if (it.what !== what || (this.isAcked && it.connection.isClientClosed)) continue;
      // What came last on a connection that broke may never be read: of several it may be a later one.
      passed = this.isEnding ? undefined : this.#passed(lane, at);
      if (passed !== undefined) continue;
      lane.next = at + 1;
      return;
    }
    if ((this.#times.get(what) ?? 0) > 1) return;
    const why = passed === undefined ? "which did not come, or once more" : `and not ${passed.what}, which came before`;
    throw new Violation(`a handler of ${this.pattern} got ${what}, ${why}`);
  }

  /** What came on the same connection in front of the one at `at`, and was not given. */
  #passed({ came, next }: Lane, at: number): Came | undefined {
    const { connection } = came[at]!;
    for (let i = next; i < at; i++) {
      const it = came[i]!;
      if (it.connection === connection && this.#times.get(it.what) === 1) return it;
    }
    return undefined;
  }

  /** All that came on `connection`, which stands, has been given. */
  checkGiven(connection: Connection): void {
    const left = [...this.#lanes.values()]
      .flatMap(({ came, next }) => came.slice(next))
      .find((it) => it.connection === connection && this.#times.get(it.what) === 1);
    if (left !== undefined) throw new Violation(`no handler of ${this.pattern} got ${left.what}, which came`);
  }
}

export class Ledger {
  readonly index: number;
  readonly feeds: Map<string, Feed> = new Map();
  /** What the broker has read of what was published. */
  readonly arrived: Set<number> = new Set();
  /** What the program said of messages that are to be settled: a verdict. */
  readonly verdicts: Map<number, Set<number>> = new Map();
  /** Publishes that may be sent again: confirmed ones, until they are confirmed. */
  readonly confirmed: Set<number> = new Set();
  /** Those that are, and which was the last connection then. */
  readonly #done = new Map<number, number>();
  /** Published while the topic was said to be blocked, by topic. */
  readonly blocked: Map<string, Set<number>> = new Map();
  readonly #last = new Map<Connection, Map<string, number>>();
  readonly #mayPassBlocks: boolean;

  constructor(index: number, mayPassBlocks: boolean) {
    this.index = index;
    this.#mayPassBlocks = mayPassBlocks;
  }

  /** Has the oracle tell what it sees on `connection`. */
  watch(connection: Connection): void {
    connection.onDelivered = (pattern, what, key) => this.feeds.get(pattern)?.came(connection, what, key);
    connection.onPublished = (topic, uid) => this.#published(connection, topic, uid);
    connection.onAcknowledged = (uid, verdict) => this.#acknowledged(uid, verdict);
  }

  /** `uid` is confirmed; `connection` is the last there was. */
  isConfirmed(uid: number, connection: Connection | undefined): void {
    if (connection !== undefined) this.#done.set(uid, connection.id);
  }

  #published(connection: Connection, topic: string, uid: number): void {
    if (uid < 0) return;
    const isAgain = this.arrived.has(uid);
    this.arrived.add(uid);
    if ((this.#done.get(uid) ?? connection.id) < connection.id)
      throw new Violation(`bus ${this.index}: ${uid} was confirmed, and is published again`);
    if (this.confirmed.has(uid)) return;
    if (isAgain) throw new Violation(`bus ${this.index}: ${uid} was published once, and came twice`);
    // What an earlier connection had under way may be read later: its order is its own.
    let lastOf = this.#last.get(connection);
    if (lastOf === undefined) this.#last.set(connection, (lastOf = new Map()));
    const last = lastOf.get(topic) ?? 0;
    if (uid < last)
      throw new Violation(`bus ${this.index}: ${uid} on ${topic} was published before ${last}, and came behind it`);
    lastOf.set(topic, uid);
    if (!this.#mayPassBlocks && this.blocked.get(topic)?.has(uid) === true) {
      throw new Violation(`bus ${this.index}: ${uid} was sent on ${topic}, which is in XOFF`);
    }
  }

  /** The program settles a message. */
  says(uid: number, verdict: number): void {
    const said = this.verdicts.get(uid);
    if (said === undefined) this.verdicts.set(uid, new Set([verdict]));
    else said.add(verdict);
  }

  #acknowledged(uid: number, verdict: number): void {
    if (uid < 0 || verdict === 1 || verdict === 3) return;
    if (this.verdicts.get(uid)?.has(verdict) === true) return;
    throw new Violation(`bus ${this.index}: ${uid} was settled with ${verdict}, and the program did not say so yet`);
  }
}

// Who is let in at once, and who waits: connections that never open, whatever they send, may not take the broker's time from those that
// did. It counts, for each origin, connections that ended without having opened; the count falls with time. While it is high, further
// connections of that origin wait in turn, so that a flood goes at a small, fixed rate. It knows neither sockets nor frames.
//
//   accept ── few of its origin failed ────► start
//      └──► waiting ── one every 31 ms ────► start           full: one of them, by chance, is dropped

import { type PeerCredentials, UNKNOWN_PEER } from "./core/peer.ts";

/** So many of one origin may fail before others of it wait: a script that tries something, an eager probe. */
const MAX_FAILED = 256;
/** How often one that failed is forgotten, and one that waits let in: 32 a second, some 2 % of a processor. */
const FORGET_MS: number = 1000 / 32;
/** How many of one origin wait: no longer than two seconds. */
const MAX_WAITING = 64;
/** With more origins than this, those of which nothing is to be remembered are looked for. */
const MANY_ORIGINS = 1024;
/** What origins of processes that this one sees are numbered from: above all uids. */
const SEEN = 2 ** 32;

/**
 * What one whose connections fail is known by: its uid, and whether this process sees it. In a pod that is whether it is of the same
 * container: where all containers have one uid, a flood of another one must not keep the probes of the broker's own from it.
 */
export function originOf({ uid, pid }: Pick<PeerCredentials, "uid" | "pid"> = UNKNOWN_PEER): number {
  return pid > 0 ? SEEN + uid : uid;
}

/** A connection that was accepted, and nothing more. */
export interface Arrival {
  /** Lets it in. */
  start(): void;
  /** Closes it without a word. */
  drop(): void;
}

export interface AdmissionEnv {
  now(): number;
  /** Runs `run` once, in `ms`. Not asked for again before that. */
  after(ms: number, run: () => void): void;
  /** 0 up to, and without, 1. */
  random(): number;
  /** Connections of this uid wait from now on. Told again only when none had. */
  slowed(uid: number): void;
}

interface Origin {
  failed: number;
  /** Up to when that is right. */
  countedMs: number;
  readonly waiting: Arrival[];
}

export class Admission {
  readonly #env: AdmissionEnv;
  /** Those of which something failed lately. */
  readonly #origins = new Map<number, Origin>();
  #waiting = 0;
  #isScheduled = false;

  constructor(env: AdmissionEnv) {
    this.#env = env;
  }

  /** Arrivals that wait, of all origins. */
  get waiting(): number {
    return this.#waiting;
  }

  arrived(number: number, arrival: Arrival): void {
    const origin = this.#origins.get(number);
    if (origin === undefined || this.#isFree(origin)) {
      arrival.start();
      return;
    }
    const { waiting } = origin;
    if (waiting.length === 0) this.#env.slowed(number % SEEN);
    waiting.push(arrival);
    this.#waiting++;
    if (waiting.length > MAX_WAITING) this.#dropOne(waiting);
    this.#schedule();
  }

  /** Drops one that waits, of the origin of which most do: another needs its place. False where nobody waits. */
  makeRoom(): boolean {
    let longest: Arrival[] = [];
    for (const { waiting } of this.#origins.values()) if (waiting.length > longest.length) longest = waiting;
    if (longest.length === 0) return false;
    this.#dropOne(longest);
    return true;
  }

  /** A connection of this origin ended, and had never opened. */
  failed(number: number): void {
    let origin = this.#origins.get(number);
    if (origin === undefined) {
      if (this.#origins.size >= MANY_ORIGINS) this.#letIn();
      origin = { failed: 0, countedMs: this.#env.now(), waiting: [] };
      this.#origins.set(number, origin);
    }
    this.#forget(origin);
    origin.failed = Math.min(MAX_FAILED, origin.failed + 1);
  }

  /** Whoever waits is dropped. */
  close(): void {
    for (const { waiting } of this.#origins.values()) for (const arrival of waiting.splice(0)) arrival.drop();
    this.#waiting = 0;
  }

  /** By chance, so that one who keeps coming does not keep others out. */
  #dropOne(waiting: Arrival[]): void {
    waiting.splice(Math.floor(this.#env.random() * waiting.length), 1)[0]!.drop();
    this.#waiting--;
  }

  #isFree(origin: Origin): boolean {
    this.#forget(origin);
    return origin.failed < MAX_FAILED && origin.waiting.length === 0;
  }

  /** Lowers the count by what time has passed. Returns by how much it may have been lowered. */
  #forget(origin: Origin): number {
    const now = this.#env.now();
    const forgotten = Math.floor((now - origin.countedMs) / FORGET_MS);
    if (forgotten <= 0) return 0;
    origin.countedMs += forgotten * FORGET_MS;
    origin.failed = Math.max(0, origin.failed - forgotten);
    return forgotten;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#env.after(FORGET_MS, () => {
      this.#isScheduled = false;
      this.#letIn();
      if (this.#waiting > 0) this.#schedule();
    });
  }

  #letIn(): void {
    for (const [number, origin] of this.#origins) {
      for (let left = this.#forget(origin); left > 0 && origin.waiting.length > 0; left--) {
        this.#waiting--;
        origin.waiting.shift()!.start();
      }
      if (origin.failed === 0 && origin.waiting.length === 0) this.#origins.delete(number);
    }
  }
}

// Who is let in at once, and who waits: connections that never open, whatever they send, may not take the broker's time from those that
// did. It counts, for each uid, connections that ended without having opened; the count falls with time. While it is high, further
// connections of that uid wait in turn, so that a flood goes at a small, fixed rate. It knows neither sockets nor frames.
//
//   accept ── few of its uid failed ───────► start
//      └──► waiting ── one every 16 ms ────► start           full: one of them, by chance, is dropped

/** So many of one uid may fail before others of it wait: a script that tries something, an eager probe. */
const MAX_FAILED = 256;
/** How often one that failed is forgotten, and one that waits let in: 64 a second, some 2 % of the broker's time. */
const FORGET_MS: number = 1000 / 64;
/** How many of one uid wait: no longer than two seconds. */
const MAX_WAITING = 128;
/** With more uids than this, those of which nothing is to be remembered are looked for. */
const MANY_UIDS = 1024;

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

interface Uid {
  failed: number;
  /** Up to when that is right. */
  countedMs: number;
  readonly waiting: Arrival[];
}

export class Admission {
  readonly #env: AdmissionEnv;
  /** Those of which something failed lately. */
  readonly #uids = new Map<number, Uid>();
  #waiting = 0;
  #isScheduled = false;

  constructor(env: AdmissionEnv) {
    this.#env = env;
  }

  /** Arrivals that wait, of all uids. */
  get waiting(): number {
    return this.#waiting;
  }

  arrived(number: number, arrival: Arrival): void {
    const uid = this.#uids.get(number);
    if (uid === undefined || this.#isFree(uid)) {
      arrival.start();
      return;
    }
    const { waiting } = uid;
    if (waiting.length === 0) this.#env.slowed(number);
    waiting.push(arrival);
    this.#waiting++;
    if (waiting.length > MAX_WAITING) {
      // By chance, so that one who keeps coming does not keep others out.
      waiting.splice(Math.floor(this.#env.random() * waiting.length), 1)[0]!.drop();
      this.#waiting--;
    }
    this.#schedule();
  }

  /** A connection of this uid ended, and had never opened. */
  failed(number: number): void {
    let uid = this.#uids.get(number);
    if (uid === undefined) {
      if (this.#uids.size >= MANY_UIDS) this.#letIn();
      uid = { failed: 0, countedMs: this.#env.now(), waiting: [] };
      this.#uids.set(number, uid);
    }
    this.#forget(uid);
    uid.failed = Math.min(MAX_FAILED, uid.failed + 1);
  }

  /** Whoever waits is dropped. */
  close(): void {
    for (const { waiting } of this.#uids.values()) for (const arrival of waiting.splice(0)) arrival.drop();
    this.#waiting = 0;
  }

  #isFree(uid: Uid): boolean {
    this.#forget(uid);
    return uid.failed < MAX_FAILED && uid.waiting.length === 0;
  }

  /** Lowers the count by what time has passed. Returns by how much it may have been lowered. */
  #forget(uid: Uid): number {
    const now = this.#env.now();
    const forgotten = Math.floor((now - uid.countedMs) / FORGET_MS);
    if (forgotten <= 0) return 0;
    uid.countedMs += forgotten * FORGET_MS;
    uid.failed = Math.max(0, uid.failed - forgotten);
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
    for (const [number, uid] of this.#uids) {
      for (let left = this.#forget(uid); left > 0 && uid.waiting.length > 0; left--) {
        this.#waiting--;
        uid.waiting.shift()!.start();
      }
      if (uid.failed === 0 && uid.waiting.length === 0) this.#uids.delete(number);
    }
  }
}

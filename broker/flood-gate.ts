// Who accepts, and for how long: Node, each connection as it comes; or, while so many come that most are dropped unseen, the broker itself,
// in short turns with pauses between them, so that accepting has a bounded share of its time. Who connects in a pause waits in the listener's
// backlog, which is kept short meanwhile: who finds it full tries again, and a flood, which finds it full most of the time, is no faster than
// the turns are. It knows neither sockets nor who they are of (admission.ts does).
//
//   Node accepts ── many were dropped ───► by hand: 16 or 1 ms, a pause of 10 ms, 16 or 1 ms …
//        ▲                                    │
//        └──── hardly any for half a second ──┘

/** So many may be dropped before it is a flood. */
const MAX_DROPPED = 128;
/** How often one that was dropped is forgotten. Up to that rate, 250 a second, Node accepts, for a hundredth of the broker's time. */
const FORGET_MS = 4;
/** What a turn may take: whichever is reached first. Some 1,500 a second. */
const MAX_A_TURN = 16;
const TURN_MS = 1;
const PAUSE_MS = 10;
/**
 * Those who wait when it begins, and would be waited for by all who come after them, are gone through faster: at most so many, as the listener
 * lets no more wait, in turns of so long.
 */
const MAX_AT_FIRST = 4096;
const TURN_AT_FIRST_MS = 5;

export interface FloodGateEnv {
  now(): number;
  /** Runs `run` once, in `ms`. Not asked for again before that. */
  after(ms: number, run: () => void): void;
  /** Node is to stop accepting, and few are to wait. */
  byHand(): void;
  /** Takes one that waits; false where nobody does. */
  acceptOne(): boolean;
  /** Node is to accept again; false where it can't at present. */
  byNode(): boolean;
}

export class FloodGate {
  readonly #env: FloodGateEnv;
  #dropped = 0;
  /** Up to when that is right. */
  #countedMs: number;
  #isByHand = false;
  /** How many of those who waited at first may be left. */
  #atFirst = 0;
  #isClosed = false;

  constructor(env: FloodGateEnv) {
    this.#env = env;
    this.#countedMs = env.now();
  }

  /** A connection was accepted, and closed without a word. */
  dropped(): void {
    this.#forget();
    this.#dropped = Math.min(MAX_DROPPED, this.#dropped + 1);
    if (this.#dropped < MAX_DROPPED || this.#isByHand || this.#isClosed) return;
    this.#isByHand = true;
    this.#atFirst = MAX_AT_FIRST;
    this.#env.byHand();
    this.#pause();
  }

  /** Nothing is accepted any more. */
  close(): void {
    this.#isClosed = true;
  }

  #pause(): void {
    this.#env.after(PAUSE_MS, () => this.#turn());
  }

  #turn(): void {
    if (this.#isClosed) return;
    const isAtFirst = this.#atFirst > 0;
    const endMs = this.#env.now() + (isAtFirst ? TURN_AT_FIRST_MS : TURN_MS);
    let left = isAtFirst ? this.#atFirst : MAX_A_TURN;
    while (left > 0 && this.#env.now() < endMs) left = this.#env.acceptOne() ? left - 1 : 0;
    if (isAtFirst) this.#atFirst = left;
    this.#forget();
    if (this.#dropped === 0 && this.#env.byNode()) this.#isByHand = false;
    else this.#pause();
  }

  #forget(): void {
    const forgotten = Math.floor((this.#env.now() - this.#countedMs) / FORGET_MS);
    if (forgotten <= 0) return;
    this.#countedMs += forgotten * FORGET_MS;
    this.#dropped = Math.max(0, this.#dropped - forgotten);
  }
}

// Simulated time: what is to happen, in a heap by time, and among equals in the order in which it was asked for. The loop is the only
// thing that runs anything, so a run is the same whenever it is run. Cost: two walks of the heap an event.

/** What kind of event it is, for the trace. */
export const Kind = {
  FLUSH: 1,
  ALARM: 2,
  TO_BROKER: 3,
  TO_CLIENT: 4,
  WRITTEN: 5,
  STEP: 6,
  CONNECT: 7,
  DISK: 8,
  CLOCK: 9,
  BROKER: 10,
  CLIENT_TIMER: 11,
  CLIENT_TURN: 12,
  END_OF_STREAM: 13,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

interface Event {
  atMs: number;
  order: number;
  kind: Kind;
  /** Whose it is, for the trace. */
  of: number;
  run: () => void;
}

export class Loop {
  nowMs = 0;
  /** Events that have happened. */
  events = 0;
  readonly #heap: Event[] = [];
  #order = 0;
  /** Called before and after each event. */
  before: (kind: Kind, of: number) => void = () => {};
  after: () => void = () => {};

  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  at(atMs: number, kind: Kind, of: number, run: () => void): void {
    const event: Event = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, kind, of, run };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  in(delayMs: number, kind: Kind, of: number, run: () => void): void {
    this.at(this.nowMs + delayMs, kind, of, run);
  }

  /** Lets the next event happen. False where there is none. */
  step(): boolean {
    const event = this.#shift();
    if (event === undefined) return false;
    this.nowMs = Math.max(this.nowMs, event.atMs);
    this.events++;
    this.before(event.kind, event.of);
    event.run();
    this.after();
    return true;
  }

  #shift(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

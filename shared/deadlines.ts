// What is due when: a binary min-heap whose items know their place in it, so that one can be moved or taken out without a
// search, and without a map beside it. It knows no clock and no timer: the time comes in, whoever drives it asks for next().
//
//   heap[0] is the earliest; the children of heap[i] are heap[2i + 1] and heap[2i + 2], and never earlier than it
//
//              0                item.heapIndex is its place here, -1 while it is in none
//           ┌──┴──┐
//           1     2             earlier: the smaller dueMs; of equal ones the one that was set first (dueOrder)
//          ┌┴┐   ┌┴┐
//          3 4   5 6
//
// Cost: next O(1); set, delete and due O(log n), without an allocation but for the array's growth.

/** What an item carries for the {@link Deadlines} that it is in, of which there is one at a time. They alone write it. */
export interface Timed {
  /** Its place, or -1 while it has no deadline: begin with that. */
  heapIndex: number;
  /** When it is due, in ms of the caller's clock; means something only while it has a deadline. */
  dueMs: number;
  /** Tells equal deadlines apart: counts up with each set. */
  dueOrder: number;
}

/** Items by deadline. Equal deadlines come out in the order in which they were set. */
export class Deadlines<T extends Timed> {
  readonly #heap: T[] = [];
  #sets = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Whether `item` has a deadline here. */
  has(item: T): boolean {
    return item.heapIndex >= 0 && this.#heap[item.heapIndex] === item;
  }

  /**
   * Gives `item` the deadline `atMs`, in the place of the one it has; also an equal one puts it behind its equals. Throws a
   * RangeError for NaN, and an Error where the item is in other Deadlines: both would break the order unseen.
   */
  set(item: T, atMs: number): void {
    if (Number.isNaN(atMs)) throw new RangeError("a deadline must be a number of milliseconds, but this is NaN");
    const heap = this.#heap;
    if (item.heapIndex === -1) {
      item.heapIndex = heap.length;
      heap.push(item);
    } else if (heap[item.heapIndex] !== item) {
      throw new Error("an item can have one deadline, but this one has one elsewhere: delete it there first");
    }
    item.dueMs = atMs;
    item.dueOrder = this.#sets++;
    this.#settle(item);
  }

  /** Takes `item` out; false where it has no deadline here. */
  delete(item: T): boolean {
    if (!this.has(item)) return false;
    this.#takeOut(item);
    return true;
  }

  /** The earliest deadline, or Infinity where there is none. */
  next(): number {
    const first = this.#heap[0];
    return first === undefined ? Infinity : first.dueMs;
  }

  /** Takes out and returns the earliest item whose deadline is `nowMs` or before; undefined where none is due. */
  due(nowMs: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.#takeOut(first);
    return first;
  }

  /** Closes the gap that `item` leaves with the last one. */
  #takeOut(item: T): void {
    const index = item.heapIndex;
    item.heapIndex = -1;
    const last = this.#heap.pop()!;
    if (last === item) return;
    this.#heap[index] = last;
    last.heapIndex = index;
    this.#settle(last);
  }

  /** Moves `item` up or down to where it belongs; all others are in order. */
  #settle(item: T): void {
    const heap = this.#heap;
    let index = item.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex]!;
      if (!isBefore(item, parent)) break;
      heap[index] = parent;
      parent.heapIndex = index;
      index = parentIndex;
    }
    // Where it went up, it stays: all below is later than the parent that it passed, and so than itself.
    for (let childIndex = 2 * index + 1; childIndex < heap.length; childIndex = 2 * index + 1) {
      let child = heap[childIndex]!;
      const sibling = heap[childIndex + 1];
      if (sibling !== undefined && isBefore(sibling, child)) {
        childIndex++;
        child = sibling;
      }
      if (!isBefore(child, item)) break;
      heap[index] = child;
      child.heapIndex = index;
      index = childIndex;
    }
    heap[index] = item;
    item.heapIndex = index;
  }
}

function isBefore(a: Timed, b: Timed): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.dueOrder < b.dueOrder);
}

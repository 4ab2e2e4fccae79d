import { beforeEach, describe, expect, test } from "vitest";

import { FloodGate } from "../../../broker/flood-gate.ts";

const MAX_DROPPED = 128;
const FORGET_MS = 4;
const PAUSE_MS = 10;
const MAX_A_TURN = 16;
const MAX_AT_FIRST = 4096;

let now: number;
let timer: { atMs: number; run: () => void } | undefined;
let calls: string[];
let waiting: number;
/** What accepting one takes, and whether it is dropped. */
let costMs: number;
let isDropped: boolean;
let canNode: boolean;
let accepted: number;
let gate: FloodGate;

beforeEach(() => {
  now = 1000;
  timer = undefined;
  calls = [];
  waiting = 0;
  costMs = 0;
  isDropped = true;
  canNode = true;
  accepted = 0;
  gate = new FloodGate({
    now: () => now,
    after: (ms, run) => {
      expect(timer).toBeUndefined();
      timer = { atMs: now + ms, run };
    },
    byHand: () => calls.push("by hand"),
    acceptOne: () => {
      if (waiting === 0) return false;
      waiting--;
      accepted++;
      now += costMs;
      if (isDropped) gate.dropped();
      return true;
    },
    byNode: () => {
      calls.push("by Node");
      return canNode;
    },
  });
});

function pass(ms: number): void {
  const until = now + ms;
  while (timer !== undefined && timer.atMs <= until) {
    const { atMs, run } = timer;
    timer = undefined;
    now = Math.max(now, atMs);
    run();
  }
  now = Math.max(now, until);
}

function drop(count: number): void {
  for (let i = 0; i < count; i++) gate.dropped();
}

test("as long as few are dropped, Node accepts", () => {
  drop(MAX_DROPPED - 1);
  for (let i = 0; i < 1000; i++) {
    now += FORGET_MS;
    drop(1);
  }
  expect([calls, timer]).toEqual([[], undefined]);
});

describe("once many were dropped", () => {
  beforeEach(() => {
    drop(MAX_DROPPED);
    expect(calls).toEqual(["by hand"]);
  });

  /** Goes through those who waited at first, of whom there are none; from now on there is no end of them. */
  function afterFirst(): void {
    pass(PAUSE_MS);
    waiting = Number.POSITIVE_INFINITY;
  }

  test("those who wait by then are gone through faster, in turns of 5 ms, and no more of them than can have waited", () => {
    waiting = Number.POSITIVE_INFINITY;
    costMs = 0.02;
    for (const turns of [1, 2]) {
      pass(PAUSE_MS);
      expect(accepted / turns).toBeGreaterThanOrEqual(250);
      expect(accepted / turns).toBeLessThanOrEqual(251);
    }
    costMs = 0;
    pass(PAUSE_MS);
    expect(accepted).toBe(MAX_AT_FIRST);
    pass(PAUSE_MS);
    expect(accepted).toBe(MAX_AT_FIRST + MAX_A_TURN);
  });

  test("it accepts by hand, 16 in a turn, however many come", () => {
    afterFirst();
    pass(100 * PAUSE_MS);
    expect(accepted).toBe(100 * MAX_A_TURN);
    expect(calls).toEqual(["by hand"]);
  });

  test("and for no longer than a millisecond where each takes its time", () => {
    afterFirst();
    costMs = 0.3;
    const before = now;
    pass(1000);
    // A turn of 1.2 ms and a pause of 10.
    expect((accepted * costMs) / (now - before)).toBeLessThan(0.12);
    expect(accepted).toBeGreaterThan(300);
  });

  test("Node accepts again when hardly any were dropped for half a second, and not before", () => {
    isDropped = false;
    afterFirst();
    pass(MAX_DROPPED * FORGET_MS - 2 * PAUSE_MS);
    expect(calls).toEqual(["by hand"]);
    pass(2 * PAUSE_MS);
    expect([calls, timer]).toEqual([["by hand", "by Node"], undefined]);
    drop(MAX_DROPPED);
    expect(calls).toEqual(["by hand", "by Node", "by hand"]);
  });

  test("it goes on by hand for as long as Node can't", () => {
    isDropped = false;
    canNode = false;
    afterFirst();
    pass(1000);
    const { length } = calls;
    expect(length).toBeGreaterThan(2);
    const before = accepted;
    pass(PAUSE_MS);
    expect(accepted).toBe(before + MAX_A_TURN);
    canNode = true;
    pass(PAUSE_MS);
    expect(timer).toBeUndefined();
  });

  test("nothing is accepted once it is closed", () => {
    gate.close();
    pass(1000);
    expect([accepted, timer, calls]).toEqual([0, undefined, ["by hand"]]);
    drop(2 * MAX_DROPPED);
    expect(calls).toEqual(["by hand"]);
  });
});

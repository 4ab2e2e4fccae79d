import { beforeEach, describe, expect, test } from "vitest";

import { Admission, originOf } from "../../../broker/admission.ts";

const MAX_FAILED = 256;
const MAX_WAITING = 64;
const A_SECOND = 32;

let now: number;
let timers: { atMs: number; run: () => void }[];
let slowed: number[];
let admission: Admission;

beforeEach(() => {
  now = 0;
  timers = [];
  slowed = [];
  admission = new Admission({
    now: () => now,
    after: (ms, run) => timers.push({ atMs: now + ms, run }),
    random: () => 0,
    slowed: (uid) => slowed.push(uid),
  });
});

function pass(ms: number): void {
  const until = now + ms;
  for (;;) {
    const next = timers.filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs)[0];
    if (next === undefined) break;
    timers.splice(timers.indexOf(next), 1);
    now = next.atMs;
    next.run();
  }
  now = until;
}

type Fate = "started" | "dropped" | "waiting";

/** Lets `count` connections of `uid` come; what becomes of each. */
function arrive(uid: number, count: number): Fate[] {
  const fates: Fate[] = [];
  for (let i = 0; i < count; i++) {
    const index = fates.push("waiting") - 1;
    admission.arrived(uid, {
      start: () => (fates[index] = "started"),
      drop: () => (fates[index] = "dropped"),
    });
  }
  return fates;
}

function fail(uid: number, count: number): void {
  for (let i = 0; i < count; i++) admission.failed(uid);
}

const count = (fates: readonly Fate[], fate: Fate): number => fates.filter((each) => each === fate).length;

test("however many come, all are let in at once, as long as few of them fail", () => {
  expect(count(arrive(1, 10_000), "started")).toBe(10_000);
  fail(1, MAX_FAILED - 1);
  expect(count(arrive(1, 10_000), "started")).toBe(10_000);
  expect([slowed, timers]).toEqual([[], []]);
});

describe("once many have failed, further ones", () => {
  test("wait in turn, 32 a second, whether they fail too or not; that is told once", () => {
    fail(1, MAX_FAILED);
    const fates = arrive(1, 50);
    expect(count(fates, "waiting")).toBe(50);
    pass(500);
    expect(count(fates, "started")).toBe(A_SECOND / 2);
    expect(fates.lastIndexOf("started")).toBe(A_SECOND / 2 - 1);
    fail(1, A_SECOND / 2);
    pass(500);
    expect(count(fates, "started")).toBe(A_SECOND);
    pass(1000);
    expect(count(fates, "started")).toBe(50);
    expect(slowed).toEqual([1]);
    pass(100);
    expect([timers, admission.waiting]).toEqual([[], 0]);
  });

  test("are dropped beyond 64 that wait, by chance", () => {
    fail(1, 10 * MAX_FAILED);
    const fates = arrive(1, MAX_WAITING + 5);
    expect(fates.slice(0, 5)).toEqual(["dropped", "dropped", "dropped", "dropped", "dropped"]);
    expect([count(fates, "waiting"), admission.waiting]).toEqual([MAX_WAITING, MAX_WAITING]);
  });

  test("are their own uid's matter", () => {
    fail(1, MAX_FAILED);
    expect(count(arrive(1, 10), "waiting")).toBe(10);
    expect(count(arrive(2, 1000), "started")).toBe(1000);
  });

  test("are let in as ever when some time has passed without one that failed", () => {
    fail(1, MAX_FAILED);
    pass(1000);
    expect(count(arrive(1, 1000), "started")).toBe(1000);
    fail(1, A_SECOND);
    expect(count(arrive(1, 10), "waiting")).toBe(10);
  });

  test("make room for one of another uid where all places are taken, those of whom most wait first", () => {
    fail(1, MAX_FAILED);
    fail(2, MAX_FAILED);
    const [few, many] = [arrive(1, 2), arrive(2, 3)];
    expect(admission.makeRoom()).toBe(true);
    expect([few, many]).toEqual([
      ["waiting", "waiting"],
      ["dropped", "waiting", "waiting"],
    ]);
    for (let left = 4; left > 0; left--) expect([admission.waiting, admission.makeRoom()]).toEqual([left, true]);
    expect([admission.waiting, admission.makeRoom()]).toEqual([0, false]);
  });

  test("are not those of the same uid that the broker sees: a flood of another container does not keep out a probe of its own", () => {
    const other = originOf({ uid: 1001, pid: 0 });
    const own = originOf({ uid: 1001, pid: 7 });
    fail(other, MAX_FAILED);
    expect([arrive(other, 1), arrive(own, 1)]).toEqual([["waiting"], ["started"]]);
    fail(own, MAX_FAILED);
    expect(arrive(own, 1)).toEqual(["waiting"]);
    expect([slowed, originOf()]).toEqual([[1001, 1001], originOf({ uid: 65534, pid: 0 })]);
  });

  test("are dropped when the broker closes", () => {
    fail(1, MAX_FAILED);
    const fates = arrive(1, 3);
    admission.close();
    expect(fates).toEqual(["dropped", "dropped", "dropped"]);
    expect(admission.waiting).toBe(0);
    pass(1000);
    expect(fates).toEqual(["dropped", "dropped", "dropped"]);
  });
});

test("uids of which nothing failed lately are not remembered: one that comes back after very many others begins anew", () => {
  fail(0, MAX_FAILED);
  for (let uid = 1; uid < 10_000; uid++) {
    fail(uid, 1);
    now += 20;
  }
  expect(count(arrive(0, 100), "started")).toBe(100);
});

import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { tellBlocked } from "../../../../cli/pub/blocked.ts";
import type { Bus } from "../../../../client/index.ts";

let events: EventEmitter;
let told: string[];

beforeEach(() => {
  vi.useFakeTimers();
  events = new EventEmitter();
  told = [];
  tellBlocked(events as unknown as Pick<Bus, "on">, (line) => told.push(line));
});
afterEach(() => vi.useRealTimers());

test("says after a second who holds what up, and when it goes on", () => {
  events.emit("blocked", { topic: "a.b", why: "queue jobs" });
  vi.advanceTimersByTime(999);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual(["a.b is held up by queue jobs, which is full; waiting"]);
  vi.advanceTimersByTime(4000);
  events.emit("unblocked", { topic: "a.b" });
  expect(told[1]).toBe("a.b goes on after 5.0 s");
});

test("says nothing of what is over sooner, nor of what it has not heard begin", () => {
  events.emit("blocked", { topic: "a", why: "client 3" });
  vi.advanceTimersByTime(500);
  events.emit("unblocked", { topic: "a" });
  events.emit("unblocked", { topic: "b" });
  vi.advanceTimersByTime(5000);
  expect(told).toEqual([]);
});

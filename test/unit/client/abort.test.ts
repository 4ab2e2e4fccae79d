import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";

import { onAbort, orAbort } from "../../../client/abort.ts";

describe("onAbort", () => {
  test("calls whoever waits, once, in order; who stopped waiting is not called", () => {
    const controller = new AbortController();
    const called: number[] = [];
    const stops = [1, 2, 3].map((n) => onAbort(controller.signal, () => called.push(n)));
    stops[1]!();
    stops[1]!();
    controller.abort();
    controller.abort();
    stops[0]!();
    expect(called).toEqual([1, 3]);
  });

  test("the same function may wait twice", () => {
    const controller = new AbortController();
    let calls = 0;
    const run = (): void => void calls++;
    const stop = onAbort(controller.signal, run);
    onAbort(controller.signal, run);
    stop();
    controller.abort();
    expect(calls).toBe(1);
  });

  test("however many wait for a signal, it has one listener, and none once nobody waits", () => {
    const { signal } = new AbortController();
    const stops = Array.from({ length: 50 }, () => onAbort(signal, () => {}));
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    for (const stop of stops) stop();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    onAbort(signal, () => {});
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
  });

  test("one may stop waiting, or begin to, while others are called", () => {
    const controller = new AbortController();
    const called: string[] = [];
    const stop = onAbort(controller.signal, () => {
      called.push("first");
      stop();
      onAbort(controller.signal, () => called.push("too late"));
    });
    onAbort(controller.signal, () => called.push("second"));
    controller.abort();
    expect(called).toEqual(["first", "second"]);
  });
});

test("orAbort with a signal that aborted already: what it was given may reject, and nobody is to blame", async () => {
  const unhandled: unknown[] = [];
  const listener = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", listener);
  let fail = (_error: Error): void => {};
  const promise = new Promise<void>((_resolve, reject) => (fail = reject));
  await expect(orAbort(promise, AbortSignal.abort("why"), "it")).rejects.toMatchObject({
    code: "aborted",
    message: "it was aborted",
    cause: "why",
  });
  fail(new Error("later"));
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", listener);
  expect(unhandled).toEqual([]);
});

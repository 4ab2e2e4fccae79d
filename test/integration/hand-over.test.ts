// A broker is replaced under load: `serve --wait` waits for name and data directory, the one before it is told to end. Clients move by
// themselves, and nothing that was confirmed is lost.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, test } from "vitest";

import { type Bus, connect, type SubscribeOptions } from "../../client/index.ts";
import { delay } from "../support/bus.ts";
import { RawClient } from "../support/raw-client.ts";
import { eventually, type Running, startCli, uniqueAddress, untilListening } from "../support/processes.ts";

const folders: string[] = [];
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A broker, or one that waits to be, that does not outlive its test. */
function serve(...args: readonly string[]): Running {
  const broker = startCli(["serve", ...args]);
  ends.push(() => broker[Symbol.asyncDispose]());
  return broker;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "podbus-test-"));
  folders.push(path);
  return path;
}

/** Publishes numbers with `confirm`, some at a time, until it is told to stop. */
class Producer {
  readonly bus: Bus;
  readonly confirmed: string[] = [];
  readonly failures: unknown[] = [];
  readonly #loops: Promise<void>[];
  readonly #name: number;
  #next = 0;
  #isOver = false;

  constructor(bus: Bus, { atOnce, pauseMs }: { atOnce: number; pauseMs: number }) {
    this.bus = bus;
    this.#name = bus.client;
    this.#loops = Array.from({ length: atOnce }, () => this.#loop(pauseMs));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  async #loop(pauseMs: number): Promise<void> {
    while (!this.#isOver) {
      await delay(pauseMs);
      const n = `${this.#name} ${this.#next++}`;
      try {
        // 0: at the next broker nobody has subscribed yet.
        while ((await this.bus.publish("job", n, { confirm: true })) === 0) await delay(2);
        this.confirmed.push(n);
      } catch (error) {
        this.failures.push(error);
      }
    }
  }
}

/** Handles what comes, and counts how often each number did. */
function count(bus: Bus, options: SubscribeOptions, handled: Map<string, number>, workMs: number): Promise<void> {
  return bus.subscribe("job", { queue: "q", ack: true, ...options }, async ({ data }) => {
    if (workMs > 0) await delay(workMs);
    handled.set(data as string, (handled.get(data as string) ?? 0) + 1);
  }).ready;
}

const KINDS = [
  { kind: "a durable queue", options: { durable: true }, workMs: 0 },
  { kind: "a durable queue whose workers take their time", options: { durable: true, concurrency: 4 }, workMs: 40 },
  { kind: "a queue in memory", options: {}, workMs: 0 },
  { kind: "a queue in memory whose workers take their time", options: { concurrency: 4 }, workMs: 20 },
] as const;

test.each(KINDS)(
  "three brokers one after the other, and $kind: what was confirmed is done",
  async ({ options, workMs }) => {
    const address = uniqueAddress();
    const args = ["--address", address, "--data", folder(), "--wait"];
    let broker = serve(...args);
    await untilListening(broker);
    const buses = await Promise.all(Array.from({ length: 4 }, () => connect({ address })));
    for (const bus of buses) ends.push(() => bus.close());
    const [first, second, third, fourth] = buses as [Bus, Bus, Bus, Bus];
    const handled = new Map<string, number>();
    const errors: unknown[] = [];
    const awayMs: number[] = [];
    for (const bus of buses) {
      bus.on("error", ({ error }) => errors.push(error));
      bus.on("reconnect", (event) => awayMs.push(event.awayMs));
    }
    for (const bus of [first, second]) await count(bus, options, handled, workMs);
    // No more than the workers get done.
    const pace = workMs > 0 ? { atOnce: 4, pauseMs: 2 * workMs } : { atOnce: 20, pauseMs: 1 };
    const producers = [new Producer(third, pace), new Producer(fourth, pace)];
    for (let change = 1; change <= 3; change++) {
      const before = handled.size;
      await eventually(() => handled.size > before + 100);
      const next = serve(...args);
      await next.untilPrinted("waiting until");
      broker.child.kill("SIGTERM");
      await untilListening(next);
      await eventually(() => awayMs.length === change * buses.length);
      expect(await broker.ended).toMatchObject({ code: 0, stderr: "" });
      broker = next;
    }
    await Promise.all(producers.map((producer) => producer.stop()));
    const confirmed = producers.flatMap((producer) => producer.confirmed);
    const failures = producers.flatMap((producer) => producer.failures);
    expect({ failures, errors }).toEqual({ failures: [], errors: [] });
    await eventually(() => confirmed.every((n) => handled.has(n)));
    await Promise.all(buses.map((bus) => bus.drain()));
    expect(await broker.stop()).toMatchObject({ code: 0 });
  },
);

test("one that waits for its data directory is not to be found at its name until it serves", async () => {
  const data = folder();
  const first = serve("--address", uniqueAddress(), "--data", data);
  await untilListening(first);
  const address = uniqueAddress();
  const second = serve("--address", address, "--data", data, "--wait");
  await second.untilPrinted("waiting until");
  const connecting = connect({ address, connectTimeoutMs: 20_000 });
  for (let i = 0; i < 20; i++) {
    await expect(RawClient.connect(address)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await delay(10);
  }
  expect(await first.stop()).toMatchObject({ code: 0 });
  await using bus = await connecting;
  expect((await bus.request("$sys.ping", {})).broker).toBeTypeOf("string");
});

// Kills the broker and its workers with SIGKILL, again and again and at random, while jobs are published with `confirm` into a
// durable queue. No confirmed job may be lost, and the books must balance at the end.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";

import { type Bus, connect } from "../../client/index.ts";
import {
  type BrokerProcess,
  eventually,
  runCli,
  type Running,
  startBroker,
  startCli,
  uniqueAddress,
} from "../support/processes.ts";
import { Random } from "../support/random.ts";

const KILLS = 200;
const WORKERS = 3;
/** One of so many kills is the broker's. */
const BROKER_SHARE = 4;
const BATCH = 40;
const PREFETCH = 256;

/** The numbers that a worker printed, whole lines only: it may have been killed within one. */
function numbersOf(worker: Running): number[] {
  return worker.stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { data: number }).data);
}

test("no confirmed job is lost over 200 kills of the broker and its workers", async () => {
  const random = Random.announced("kills");
  const data = mkdtempSync(join(tmpdir(), "podbus-fault-"));
  const address = uniqueAddress();
  const serve = (): Promise<BrokerProcess> => startBroker({ address, args: ["--data", data] });
  const work = (): Running =>
    startCli(["sub", "job.>", "--queue", "jobs", "--ack", "--json", "--connect-timeout", "20s"], {
      env: { PODBUS_ADDRESS: address },
    });

  let broker = await serve();
  const bus: Bus = await connect({ address, connectTimeoutMs: 20_000 });
  bus.on("error", () => {});
  bus.on("disconnect", () => {});
  await using maker = bus.subscribe("job.>", { queue: "jobs", ack: true, durable: true, prefetch: 1 }, () => {
    throw new Error("the maker of the queue takes no jobs");
  });
  await maker.ready;
  await maker.unsubscribe();

  const lives: Running[] = Array.from({ length: WORKERS }, work);
  const alive = [...lives];
  const confirmed: number[] = [];
  const over = new AbortController();
  const publishing = (async () => {
    for (let next = 0; !over.signal.aborted; next += BATCH) {
      const batch = Array.from({ length: BATCH }, (_, i) => next + i);
      await Promise.all(batch.map((number) => bus.publish("job.a", number, { confirm: true })));
      confirmed.push(...batch);
    }
  })();

  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(random.fraction() * 120);
    if (kill % BROKER_SHARE === 0) {
      await broker.stop("SIGKILL");
      broker = await serve();
    } else {
      const index = random.below(WORKERS);
      await alive[index]!.stop("SIGKILL");
      alive[index] = work();
      lives.push(alive[index]);
    }
  }
  over.abort();
  await publishing;

  const depth = async (): Promise<number> => {
    const { waiting, inFlight } = (await bus.request("$sys.queue.show", { queue: "jobs" })) as Record<string, number>;
    return waiting! + inFlight!;
  };
  await eventually(async () => (await depth()) === 0);
  const came = new Map<number, number>();
  for (const life of lives) for (const number of numbersOf(life)) came.set(number, (came.get(number) ?? 0) + 1);
  const lost = confirmed.filter((number) => !came.has(number));
  const twice = [...came.values()].reduce((sum, times) => sum + times - 1, 0);
  console.log(`${confirmed.length} confirmed, ${lost.length} lost, ${twice} delivered again`);
  expect(lost).toEqual([]);
  expect(confirmed.length).toBeGreaterThan(KILLS);
  // Only what a worker had not settled when it, or the broker, was killed may come again.
  expect(twice).toBeLessThanOrEqual(KILLS * WORKERS * PREFETCH);
  expect(await runCli(["stats", "--check"], { env: { PODBUS_ADDRESS: address } })).toMatchObject({ code: 0 });

  for (const worker of alive) await worker.stop();
  await bus.close();
  await broker.stop();
  rmSync(data, { recursive: true, force: true });
});

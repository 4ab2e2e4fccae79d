// Stops workers and the broker with SIGSTOP, at random and for random times, while jobs are published with `confirm`: one that is
// stopped for long loses its share to the others, nobody else stands still, and no job is lost. Single kills of a broker whose
// client is the test itself, which so knows what was settled: only what was not may come again, in order.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";

import { connect } from "../../client/index.ts";
import { Deliveries } from "../support/deliveries.ts";
import { ext1 } from "../support/msgpack.ts";
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
import { Op, RawClient } from "../support/raw-client.ts";

const STALL_MS = 1000;

test("workers and the broker are stopped and go on: nobody waits for one that is stopped, and no job is lost", async () => {
  const random = Random.announced("stops");
  const data = mkdtempSync(join(tmpdir(), "podbus-stops-"));
  const address = uniqueAddress();
  const broker = await startBroker({ address, args: ["--data", data, "--stall-ms", `${STALL_MS}`] });
  const options = { queue: "jobs", ack: true, durable: true, maxMessages: 200, maxAttempts: 0 };
  const maker = await RawClient.connect(address);
  maker.send(Op.SUB, 1, "job.>", ext1({ ...options, prefetch: 1 }));
  await maker.sync();
  maker.send(Op.UNSUB, 1);
  await maker.sync();
  const work = (): Running =>
    startCli(["sub", "job.>", "--queue", "jobs", "--ack", "--json", "--connect-timeout", "20s"], {
      env: { PODBUS_ADDRESS: address },
    });
  const workers = Array.from({ length: 3 }, work);
  const bus = await connect({ address, connectTimeoutMs: 20_000 });
  bus.on("error", () => {});
  const confirmed: number[] = [];
  const over = new AbortController();
  let longestMs = 0;
  const publishing = (async () => {
    for (let next = 0; !over.signal.aborted; next += 20) {
      const began = performance.now();
      const batch = Array.from({ length: 20 }, (_, i) => next + i);
      await Promise.all(batch.map((number) => bus.publish("job.a", number, { confirm: true })));
      longestMs = Math.max(longestMs, performance.now() - began);
      confirmed.push(...batch);
    }
  })();
  for (let round = 0; round < 24; round++) {
    const isBroker = round % 6 === 5;
    const victim = isBroker ? broker.process : workers[random.below(workers.length)]!;
    victim.child.kill("SIGSTOP");
    // Now for a moment, now beyond what makes a stall.
    await sleep(isBroker ? random.fraction() * 400 : random.fraction() * STALL_MS * 2.5);
    victim.child.kill("SIGCONT");
    await sleep(random.fraction() * 100);
  }
  over.abort();
  await publishing;
  await eventually(async () => {
    const { waiting, inFlight } = (await bus.request("$sys.queue.show", { queue: "jobs" })) as Record<string, number>;
    return (waiting ?? 0) + (inFlight ?? 0) === 0;
  });
  const came = new Set<number>();
  for (const worker of workers) {
    const { stdout } = await worker.stop();
    for (const line of stdout.split("\n").slice(0, -1)) came.add((JSON.parse(line) as { data: number }).data);
  }
  console.log(`${confirmed.length} confirmed, the longest batch took ${Math.round(longestMs)} ms`);
  expect(confirmed.filter((number) => !came.has(number))).toEqual([]);
  expect(confirmed.length).toBeGreaterThan(1000);
  // As long as a stall and a stopped broker, not as long as all the stops.
  expect(longestMs).toBeLessThan(STALL_MS * 4);
  expect(await runCli(["stats", "--check"], { env: { PODBUS_ADDRESS: address } })).toMatchObject({ code: 0 });
  maker.destroy();
  await bus.close();
  await broker.stop();
  rmSync(data, { recursive: true, force: true });
});

test("40 kills of the broker: what was not confirmed as settled comes again, in order, and nothing else", async () => {
  const random = Random.announced("kills");
  const data = mkdtempSync(join(tmpdir(), "podbus-kills-"));
  const address = uniqueAddress();
  const serve = (): Promise<BrokerProcess> => startBroker({ address, args: ["--data", data] });
  let next = 0;
  /** Published and confirmed; not yet confirmed as settled. */
  let open: number[] = [];
  /** In doubt: published, settled, and the broker was killed before it confirmed that. */
  let doubted = new Set<number>();
  for (let kill = 0; kill < 40; kill++) {
    const broker = await serve();
    const client = await RawClient.connect(address);
    client.send(Op.SUB, 1, "t", ext1({ queue: "q", ack: true, durable: true, prefetch: 100_000, maxAttempts: 0 }));
    const deliveries = new Deliveries(client);
    // The first thing that comes is all that is left, in the order of publication.
    const left: number[] = [];
    const seqs = new Map<number, number>();
    for (let i = 0; i < 2; i++) {
      for (const { payload, seq } of await deliveries.synced()) {
        left.push(payload as number);
        seqs.set(payload as number, seq);
      }
    }
    expect(left).toEqual(left.toSorted((a, b) => a - b));
    expect(left.filter((n) => !doubted.has(n))).toEqual(open.filter((n) => !doubted.has(n)));
    open = left;
    doubted = new Set();
    for (let batch = 0; batch < 1 + random.fraction() * 5; batch++) {
      const isLast = batch > random.fraction() * 5;
      const published = Array.from({ length: 1 + random.below(40) }, () => next++);
      for (const n of published) client.send(Op.PUB, "t", n);
      const settled = open.filter((n) => seqs.has(n) && random.fraction() < 0.4);
      for (const n of settled) client.send(Op.ACK, 1, seqs.get(n)!, seqs.get(n)!, 0);
      if (isLast) {
        // Killed somewhere on the way: of these nobody knows.
        for (const n of [...published, ...settled]) doubted.add(n);
        open = [...open, ...published];
        await sleep(random.fraction() * 4);
        break;
      }
      for (const { payload, seq } of await deliveries.synced()) seqs.set(payload as number, seq);
      open = [...open.filter((n) => !settled.includes(n)), ...published];
    }
    await broker.stop("SIGKILL");
    client.destroy();
  }
  console.log(`${next} published`);
  rmSync(data, { recursive: true, force: true });
});

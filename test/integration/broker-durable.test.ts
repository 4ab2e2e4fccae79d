// Durable queues and retained values over restarts of a broker with a data directory, and what it says of a directory that it can't
// use: in use, not a folder, or damaged.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

import { createBroker } from "../../broker/index.ts";
import { Deliveries } from "../support/deliveries.ts";
import { Embedded, upTo } from "../support/embedded.ts";
import { type Element, ext1 } from "../support/msgpack.ts";
import { eventually, startBroker, startCli, uniqueAddress } from "../support/processes.ts";
import { Random } from "../support/random.ts";
import { Op, RawClient } from "../support/raw-client.ts";

const folders: string[] = [];

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "podbus-durable-"));
  folders.push(path);
  return path;
}

afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

const DURABLE = { queue: "q", ack: true, durable: true };

async function member(
  bus: { connect(): Promise<RawClient> },
  options: Record<string, Element> = {},
): Promise<RawClient> {
  const client = await bus.connect();
  client.send(Op.SUB, 1, "t.>", ext1({ ...DURABLE, ...options }));
  await client.handled();
  return client;
}

describe("over a restart", () => {
  test("what was confirmed and not acknowledged comes again, in order; what was acknowledged does not", async () => {
    const data = folder();
    {
      await using bus = await Embedded.start({ data });
      const client = await member(bus, { prefetch: 10 });
      const publisher = await bus.connect();
      for (let n = 0; n < 30; n++) publisher.send(Op.PUB, "t.a", n, ext1({ h: n }));
      expect((await publisher.sync()).count).toBe(30);
      await new Deliveries(client).take(10);
      for (const seq of [2, 3, 7]) client.send(Op.ACK, 1, seq, seq, 0);
      await client.sync();
    }
    await using bus = await Embedded.start({ data });
    expect(bus.stats).toMatchObject({ queues: 1, accepted: 27, waiting: 27 });
    const deliveries = new Deliveries(await member(bus));
    const came = await deliveries.take(27);
    expect(came.map(({ payload }) => payload)).toEqual(upTo(30).filter((n) => ![1, 2, 6].includes(n)));
    const publisher = await bus.connect();
    publisher.send(Op.PUB, "t.a", 30);
    await publisher.sync();
    expect(await deliveries.payloads(1)).toEqual([30]);
    expect(bus.imbalance).toBe(0);
  });

  test("attempts, delays and times to live count on, and changed options are kept", async () => {
    const data = folder();
    {
      await using bus = await Embedded.start({ data });
      const client = await member(bus, { maxAttempts: 3 });
      const publisher = await bus.connect();
      publisher.send(Op.PUB, "t.a", 0);
      publisher.send(Op.PUB, "t.a", 1, ext1({ delayMs: 700 }));
      publisher.send(Op.PUB, "t.a", 2, ext1({ ttlMs: 300 }));
      await publisher.sync();
      client.send(Op.ACK, 1, 1, 1, 1);
      await client.sync();
      await publisher.ask("$sys.queue.update", { queue: "q", maxMessages: 77 });
      client.send(Op.UNSUB, 1);
      await client.sync();
    }
    await new Promise((resolve) => setTimeout(resolve, 350));
    await using bus = await Embedded.start({ data });
    const client = await member(bus);
    const deliveries = new Deliveries(client);
    expect(await deliveries.take(1)).toMatchObject([{ payload: 0, attempt: 2 }]);
    expect(await deliveries.take(1)).toMatchObject([{ payload: 1, attempt: 1 }]);
    const { options, expired } = await (await bus.connect()).ask("$sys.queue.show", { queue: "q" });
    expect([options, expired]).toMatchObject([{ maxAttempts: 3, maxMessages: 77 }, 1]);
  });

  test("a publisher that sends again what was confirmed does not double it, and queues that are not durable are gone", async () => {
    const data = folder();
    const publish = async (bus: Embedded): Promise<void> => {
      const publisher = await bus.connect();
      for (let n = 0; n < 5; n++) publisher.send(Op.PUB, "t.a", n, ext1({ id: `id-${n}` }));
      expect((await publisher.sync()).count).toBe(5 * bus.stats.queues);
    };
    {
      await using bus = await Embedded.start({ data });
      await member(bus);
      await bus.having([Op.SUB, 1, "t.>", ext1({ queue: "kept", keep: true })]);
      await publish(bus);
    }
    await using bus = await Embedded.start({ data });
    expect(bus.stats.queues).toBe(1);
    await publish(bus);
    expect(bus.stats).toMatchObject({ accepted: 5, waiting: 5 });
  });

  test("retained values come back", async () => {
    const data = folder();
    {
      await using bus = await Embedded.start({ data });
      const publisher = await bus.connect();
      for (let n = 0; n < 5; n++) publisher.send(Op.RETAIN, `r.${n}`, n);
      publisher.send(Op.RETAIN, "r.3", null);
      await publisher.sync();
    }
    await using bus = await Embedded.start({ data });
    const client = await bus.having();
    client.send(Op.SUB, 1, "r.>");
    expect((await new Deliveries(client).payloads(4)).sort()).toEqual([0, 1, 2, 4]);
  });

  test("of kill -9: a broker process loses nothing that it confirmed", async () => {
    const data = folder();
    const address = uniqueAddress();
    let broker = await startBroker({ address, args: ["--data", data] });
    const publisher = await RawClient.connect(address);
    const maker = await member({ connect: () => RawClient.connect(address) });
    maker.destroy();
    for (let n = 0; n < 500; n++) publisher.send(Op.PUB, "t.a", n);
    await publisher.sync();
    await broker.stop("SIGKILL");
    broker = await startBroker({ address, args: ["--data", data] });
    const client = await member({ connect: () => RawClient.connect(address) }, { prefetch: 1000 });
    expect(await new Deliveries(client).payloads(500)).toEqual(upTo(500));
    client.destroy();
    expect(await broker.stop()).toMatchObject({ code: 0 });
  });
});

describe("refused clearly", () => {
  test("a durable queue where there is no data directory", async () => {
    await using bus = await Embedded.start();
    const client = await bus.connect();
    client.send(Op.SUB, 1, "t.>", ext1(DURABLE));
    expect((await client.next()).slice(0, 3)).toEqual([Op.ERR, 1, "unavailable"]);
  });

  test("a second broker on the directory, which waits for it where it is told to", async () => {
    const data = folder();
    const first = await startBroker({ args: ["--data", data] });
    const second = startCli(["serve", "--address", uniqueAddress(), "--data", data]);
    const { code, stderr } = await second.ended;
    expect([code, stderr.trim().split("\n").length]).toEqual([1, 1]);
    expect(stderr).toContain("in use by another broker");
    const third = startCli(["serve", "--address", uniqueAddress(), "--data", data, "--wait"]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(third.stdout).not.toContain('"listening"');
    await first.stop("SIGKILL");
    await third.untilPrinted('"listening"');
    expect(await third.stop()).toMatchObject({ code: 0 });
  });

  test("what is not a folder, or can't be written", async () => {
    const file = join(folder(), "file");
    writeFileSync(file, "x");
    for (const data of [file, join(file, "below"), "/proc/podbus"]) {
      await expect(createBroker({ address: "@", data }).listen()).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringContaining(data) as string,
      });
    }
  });
});

describe("a damaged data file is taken as it was, or refused with a word: never served wrong, and never the end of the process", () => {
  const random = new Random(20_241_124);

  /** Everything that a broker on `data` has, as text; or the line with which it ended. */
  async function contentOf(data: string): Promise<string> {
    const address = uniqueAddress();
    const serving = startCli(["serve", "--address", address, "--data", data]);
    await using _ = serving;
    let end: { code: number | null; signal: string | null; stderr: string } | undefined;
    void serving.ended.then((result) => (end = result));
    await eventually(() => end !== undefined || serving.stdout.includes('"listening"'));
    if (end !== undefined) {
      expect(end).toMatchObject({ code: 1, signal: null });
      expect(end.stderr.trim().split("\n")).toHaveLength(1);
      return end.stderr.trim();
    }
    const client = await member({ connect: () => RawClient.connect(address) }, { prefetch: 1000 });
    client.send(Op.SUB, 2, "r.>");
    const came = [...(await new Deliveries(client).synced())].map(({ sid, attempt, topic, payload, headers }) =>
      JSON.stringify([sid, attempt, topic, payload, headers]),
    );
    // It can be written to as well.
    for (let n = 0; n < 20; n++) client.send(Op.PUB, "other", n, ext1({ b: "x".repeat(2000) }));
    await client.sync();
    client.destroy();
    return came.join("\n");
  }

  test("bits anywhere, and cut anywhere", async () => {
    const data = folder();
    {
      await using bus = await Embedded.start({ data });
      const client = await member(bus, { prefetch: 4, maxAttempts: 0 });
      const publisher = await bus.connect();
      for (let n = 0; n < 200; n++) {
        publisher.send(Op.PUB, "t.a", n, ext1({ id: `id-${n}`, b: "x".repeat(n % 9 === 0 ? 5000 : 30) }));
        if (n % 8 === 0) {
          await publisher.sync();
          client.send(Op.ACK, 1, n >> 2, (n >> 2) + 1, (n >> 3) % 2);
          await client.sync();
        }
      }
      for (let n = 0; n < 20; n++) publisher.send(Op.RETAIN, `r.${n}`, Buffer.alloc(n * 700, n));
      client.send(Op.UNSUB, 1);
      await client.sync();
      await publisher.sync();
    }
    const file = join(data, "data.mdb");
    const kept = join(folder(), "kept.mdb");
    copyFileSync(file, kept);
    const whole = readFileSync(kept);
    const expected = await contentOf(data);
    expect(expected.split("\n").length).toBeGreaterThan(100);
    const tally = { same: 0, refused: 0 };
    for (let i = 0; i < 32; i++) {
      const page = random.below(whole.length / 4096) * 4096;
      // In the two beginnings, in the head of a page, anywhere; or cut.
      const at = [random.below(2) * 4096 + random.below(170), page + random.below(120), random.below(whole.length)][
        i % 4
      ];
      const damaged = Buffer.from(at === undefined ? whole.subarray(0, random.below(whole.length)) : whole);
      if (at !== undefined) damaged[at]! ^= 1 << random.below(8);
      writeFileSync(file, damaged);
      const content = await contentOf(data);
      const story = at === undefined ? `cut at ${damaged.length}` : `a bit at ${at}`;
      if (content === expected) {
        tally.same++;
        continue;
      }
      tally.refused++;
      expect(content, story).toContain("damaged");
      expect(content, story).toContain(data);
    }
    expect(tally.refused).toBeGreaterThan(5);
    writeFileSync(file, whole);
    expect(await contentOf(data)).toBe(expected);
  });

  test("what another program left as the list of readers does not matter", async () => {
    const data = folder();
    {
      await using bus = await Embedded.start({ data });
      await member(bus);
      const publisher = await bus.connect();
      publisher.send(Op.PUB, "t.a", 1);
      await publisher.sync();
    }
    writeFileSync(join(data, "lock.mdb"), Buffer.alloc(8192, 0xa5));
    expect(await contentOf(data)).toContain('"t.a"');
  });
});

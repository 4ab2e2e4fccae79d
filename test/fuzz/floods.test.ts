// Floods against a real broker process, over real sockets: connections that trickle, connections with garbage, subscriptions, topics that
// are never used again, wildcards that match everything. A pair of others goes on exchanging messages meanwhile, memory stays bounded,
// and when it is over nothing of it is left.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, beforeEach, expect, test } from "vitest";

import { Flooder } from "../../bench/flooder.ts";
import { parseAddress } from "../../shared/address.ts";
import { connectSocket } from "../../shared/os/connect.ts";
import { upTo } from "../support/embedded.ts";
import { ext1, frame, frames } from "../support/msgpack.ts";
import { type BrokerProcess, eventually, logLines, startBroker } from "../support/processes.ts";
import { Op, RawClient } from "../support/raw-client.ts";

const MIB = 1024 * 1024;
const MEMORY_LIMIT: number = 32 * MIB;
/** Beyond what the broker holds by its own account: chunks kept for use, many sockets, and what the collector leaves when it is busy. */
const MAX_GROWTH: number = MEMORY_LIMIT + 192 * MIB;
const MAX_CONNECTIONS = 100;

let broker: BrokerProcess;
let pair: Pair;
let clients: RawClient[];
let idleBytes: number;

/** A publisher and a subscriber: each message is sent when the one before has come. */
class Pair {
  exchanged = 0;
  #isOver = false;
  readonly #loop: Promise<void>;

  private constructor(publisher: RawClient, subscriber: RawClient) {
    this.#loop = this.#exchange(publisher, subscriber);
    this.#loop.catch(() => {}); // told by stop()
  }

  static async start(address: string): Promise<Pair> {
    const subscriber = await RawClient.connect(address);
    subscriber.send(Op.SUB, 1, "pair");
    await subscriber.sync();
    return new Pair(await RawClient.connect(address), subscriber);
  }

  /** `count` more have come. */
  async sees(count: number): Promise<void> {
    const target = this.exchanged + count;
    await Promise.race([this.#loop, eventually(() => this.exchanged >= target)]);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#loop;
  }

  async #exchange(publisher: RawClient, subscriber: RawClient): Promise<void> {
    while (!this.#isOver) {
      publisher.send(Op.PUB, "pair", this.exchanged);
      const [came] = await subscriber.take(Op.PUB, 1);
      if (came![2] !== this.exchanged) throw new Error(`${String(came![2])} came, not ${this.exchanged}`);
      this.exchanged++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    publisher.destroy();
    subscriber.destroy();
  }
}

function residentBytes(field: "VmRSS" | "VmHWM"): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${broker.pid}/status`, "utf8"));
  return Number(line![1]) * 1024;
}

async function connect(hello?: false): Promise<RawClient> {
  const client = await RawClient.connect(broker.address, hello === false ? { hello } : {});
  clients.push(client);
  return client;
}

async function stats(): Promise<Record<string, number>> {
  // Of the flood's own user: it may be dropped as long as what the flood left is gone through.
  const asker = await eventually(() => RawClient.connect(broker.address).catch(() => undefined));
  try {
    return (await asker.ask("$sys.stats")) as Record<string, number>;
  } finally {
    asker.destroy();
  }
}

beforeEach(async () => {
  const options = { "--memory-limit": MEMORY_LIMIT, "--max-connections": MAX_CONNECTIONS, "--handshake-ms": 1500 };
  broker = await startBroker({ args: Object.entries(options).flatMap(([name, value]) => [name, String(value)]) });
  pair = await Pair.start(broker.address);
  clients = [];
  await pair.sees(20);
  idleBytes = residentBytes("VmRSS");
});

/** Nobody who was there to do harm has left anything behind. */
afterEach(async () => {
  try {
    await examine();
  } finally {
    await broker[Symbol.asyncDispose]();
  }
});

async function examine(): Promise<void> {
  for (const client of clients) client.destroy();
  await pair.sees(20);
  await eventually(async () => {
    const { clients, subscriptions } = await stats();
    return clients === 3 && subscriptions === 1;
  });
  expect(residentBytes("VmHWM") - idleBytes).toBeLessThan(MAX_GROWTH);
  const { accepted, settled, inFlight, waiting, dropped, expired, dead } = await stats();
  expect(accepted).toBe(settled! + inFlight! + waiting! + dropped! + expired! + dead!);
  await pair.stop();
  const { code, stderr } = await broker.stop();
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}

test("a slow-loris: connections that trickle take no place from those that say hello", async () => {
  // Byte by byte it would take four seconds.
  const hello = frame(Op.HELLO, 1, ext1({ name: "x".repeat(200) }));
  let sent = 0;
  const loris: RawClient[] = [];
  for (let i = 0; i < 2 * MAX_CONNECTIONS; i++) loris.push(await connect(false));
  const trickle = setInterval(() => {
    for (const client of loris) if (!client.isOver) client.write(hello.subarray(sent, sent + 1));
    sent++;
  }, 20);
  try {
    // Every place is taken, and yet there is one for each who says hello.
    for (let i = 0; i < 20; i++) await connect();
    await pair.sees(20);
    for (const client of loris) await client.closed();
  } finally {
    clearInterval(trickle);
  }
  const codes = loris.map((client) => client.pending().at(-1)?.[2]);
  expect(new Set(codes)).toEqual(new Set(["limit", "bad_hello"]));
});

test("a flood of connections that send garbage goes slowly, and does not fill the log", async () => {
  const address = parseAddress(broker.address);
  const garbage = Buffer.alloc(2000, 0xc1);
  const end = Date.now() + 4000;
  let made = 0;
  const flood = async (): Promise<void> => {
    while (Date.now() < end) {
      try {
        const socket = await connectSocket(address);
        made++;
        socket.on("error", () => {});
        socket.resume();
        socket.end(garbage);
        await new Promise((resolve) => socket.once("close", resolve));
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  };
  const before = pair.exchanged;
  await Promise.all(upTo(48).map(() => flood()));
  expect(made).toBeGreaterThan(256);
  // 256 at once, and 32 a second: and some that were dropped while others waited.
  const log = logLines(broker.process.stdout);
  const lines = log.filter(({ level }) => level === "warn");
  expect(lines.some(({ msg }) => String(msg).includes("wait in turn"))).toBe(true);
  expect(lines.length).toBeLessThan(100);
  expect(pair.exchanged - before).toBeGreaterThan(100);
});

test("a flood that does not even wait for its ends is no faster than the broker accepts in its turns", async () => {
  const before = pair.exchanged;
  const beganMs = performance.now();
  const flood = new Flooder(broker.address);
  await sleep(4000);
  await flood.stop();
  // By hand 16 every 10 ms at the most; before that what Node accepted, and what the backlog had.
  const most = 8192 + 1.6 * (performance.now() - beganMs);
  expect(flood.made).toBeGreaterThan(1000);
  expect(flood.made).toBeLessThan(most);
  expect(flood.full).toBeGreaterThan(100);
  expect(pair.exchanged - before).toBeGreaterThan(100);
});

test("a flood of subscriptions, again and again", async () => {
  // All connections together have as many as the broker has memory for.
  const most = MEMORY_LIMIT / 2 / 2048 - 1;
  for (let round = 0; round < 4; round++) {
    const some = await Promise.all(upTo(4).map(() => connect()));
    for (const [i, client] of some.entries()) {
      client.write(frames(...upTo(10_500).map((sid) => [Op.SUB, sid + 1, `flood.${i}.*.${sid}.>`] as const)));
    }
    let refused = 0;
    for (const client of some) {
      const { before } = await client.sync();
      refused += before.filter(([op, , code]) => op === Op.ERR && code === "limit").length;
    }
    expect(refused).toBe(some.length * 10_500 - most);
    await pair.sees(5);
    for (const client of some) client.destroy();
    await eventually(async () => (await stats())["subscriptions"] === 1);
  }
});

test("a flood of topics that are never used again: nothing grows with them", async () => {
  const client = await connect();
  await connect();
  client.send(Op.SUB, 1, "flood.none.>");
  for (let i = 0; i < 400_000; i += 4000) {
    client.write(frames(...upTo(4000, i).map((n) => [Op.PUB, `flood.${n * 7919}.${n}`, 1] as const)));
    await client.flushed();
  }
  await client.sync();
  const { topics } = await client.ask("$sys.topics");
  expect((topics as unknown[]).length).toBeLessThanOrEqual(8192);
  expect(residentBytes("VmRSS") - idleBytes).toBeLessThan(64 * MIB);
});

test.each([
  ["that all match", ">"],
  ["that nearly match", "end"],
])("a bomb of 8,192 patterns of wildcards %s takes turns with others", async (_what, last) => {
  const bomb = await connect();
  const depth = 13;
  const options = ext1({ overflow: "drop-newest", maxMessages: 1 });
  for (let i = 0; i < 2 ** depth; i++) {
    const tokens = upTo(depth).map((bit) => ((i >> bit) & 1 ? "*" : "a"));
    bomb.send(Op.SUB, i + 1, [...tokens, last].join("."), options);
  }
  await bomb.sync();
  bomb.stopReading(); // to read what it is sent would cost this process, and with it the others, more than the bomb
  const witness = await connect();
  const published = async (): Promise<number> => {
    const { clients } = await witness.ask("$sys.clients");
    const all = clients as { subscriptions: number; published: number }[];
    return all.find(({ subscriptions }) => subscriptions > 1)!.published;
  };
  const { exchanged } = pair;
  const count = 300;
  const topic = "a.".repeat(depth);
  // One read, which costs the broker a second and more.
  bomb.write(frames(...upTo(count).map((n) => [Op.PUB, topic + n, 1] as const)));
  let answers = 0;
  while ((await published()) < count) answers++;
  // Without turns nobody would hear anything between its first publish and its last.
  expect(answers).toBeGreaterThan(10);
  expect(pair.exchanged - exchanged).toBeGreaterThan(10);
});

// Whatever one peer sends, or does not send, is that peer's: it gets a clear error or meets a limit, and a pair of other clients
// keeps exchanging messages throughout.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { Embedded, Witness } from "../support/embedded.ts";
import { type Element, ext1, frame, frames } from "../support/msgpack.ts";
import { Random } from "../support/random.ts";
import { Op, type RawClient } from "../support/raw-client.ts";

const MAX_FRAME = 100_000;
let embedded: Embedded;
let witness: Witness;

beforeAll(async () => {
  embedded = await Embedded.start({ handshakeMs: 300, maxFrame: MAX_FRAME });
  witness = await Witness.start(embedded);
});

/** Whoever a test connected goes at its end; the witness stays. */
afterEach(async () => {
  await embedded.closeClients(2);
  expect(embedded.stats).toMatchObject({ clients: 2, subscriptions: 1, queues: 0 });
  await witness.sees(3);
});

afterAll(async () => {
  await witness.stop();
  expect(witness.exchanged).toBeGreaterThan(100);
  expect(embedded.imbalance).toBe(0);
  await embedded[Symbol.asyncDispose]();
});

/** The last frame before the broker ends the stream. */
async function lastWord(client: RawClient): Promise<Element[]> {
  await client.closed();
  return client.pending().at(-1)!;
}

describe("closed with an error that says why", () => {
  test.each<[what: string, bytes: Buffer, code: string, says: RegExp]>([
    ["a frame too large, announced", Buffer.from("9301a174c600100000", "hex"), "too_large", /maxFrame/],
    ["a frame too large, sent in full", frame(Op.PUB, "t", Buffer.alloc(MAX_FRAME)), "too_large", /maxFrame/],
    [
      "many small elements beyond it",
      frame(Op.PUB, "t", 1, null, ...Array.from({ length: 40 }, () => "x".repeat(2600))),
      "too_large",
      /maxFrame/,
    ],
    ["a nested frame", Buffer.from("9301a17491", "hex"), "bad_frame", /array or map/],
    ["a hundred thousand nested arrays", Buffer.alloc(100_000, 0x91), "bad_frame", /array or map/],
    ["a wrong type", frame(Op.PUB, 7, "x"), "bad_frame", /topic.*str/],
    ["an unknown op", frame(99, "t", "x"), "bad_frame", /op 99/],
    ["a text", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "bad_frame", /msgpack/],
    ["a JSON line", Buffer.from('{"op":"PUB"}\n'), "bad_frame", /msgpack/],
    ["zeros", Buffer.alloc(1000), "bad_frame", /msgpack/],
  ])("%s", async (_what, bytes, code, says) => {
    const client = await embedded.connect();
    client.write(bytes);
    const [op, ref, came, message] = await lastWord(client);
    expect([op, ref, came]).toEqual([Op.ERR, null, code]);
    expect(message).toMatch(says);
    await witness.sees(3);
  });

  test("garbage of many kinds: nothing but an error, and the end", async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const client = await embedded.connect({ hello: seed % 2 === 0 ? "" : false });
      client.write(new Random(seed).bytes(1 + (seed % 64) * 40));
      client.end();
      await client.closed();
      const last = client.pending().at(-1);
      if (last?.[0] === Op.ERR) expect(last[1]).toBeNull();
    }
    await witness.sees(3);
  });

  test("no name that comes with an error is given to the process: a map with __proto__", async () => {
    const client = await embedded.connect();
    client.send(
      Op.SUB,
      1,
      "t",
      ext1(JSON.parse('{"__proto__":{"queue":"q","respond":true},"constructor":1}') as never),
    );
    client.send(Op.REQ, 2, "$sys.wait", ext1(JSON.parse('{"__proto__":{"topic":"t"}}') as never));
    await client.sync();
    expect(({} as Record<string, unknown>)["queue"]).toBeUndefined();
    expect(embedded.stats.queues).toBe(0);
  });

  test("an options map nested a thousand deep, or with a record that compiles code", async () => {
    const client = await embedded.connect();
    const deep = Buffer.concat([Buffer.from("81a178", "hex"), Buffer.alloc(1000, 0x91), Buffer.of(0xc0)]);
    const record = Buffer.from("d47240", "hex");
    for (const body of [deep, record, Buffer.concat([record, Buffer.from("91a16101", "hex")])]) {
      const header = Buffer.of(0xc8, body.length >> 8, body.length & 0xff, 1);
      client.write(Buffer.concat([Buffer.from("940201a174", "hex"), header, body]));
      expect((await client.next()).slice(0, 3)).toEqual([Op.ERR, 1, "bad_option"]);
    }
  });
});

describe("keys that mean nothing are ignored, whatever their values are", () => {
  test.each([
    ["an extension", "d40501"],
    ["a record", "d47240"],
    ["text that is no UTF-8", "a1ff"],
    ["a timestamp beyond what dates reach", "c70cff000000007fffffffffffffff"],
  ])("%s", async (_what, hex) => {
    const body = Buffer.from(`81a178${hex}`, "hex");
    const options = Buffer.concat([Buffer.of(0xc7, body.length, 1), body]);
    const client = await embedded.connect({ hello: false });
    client.write(Buffer.concat([Buffer.from("930001", "hex"), options]));
    client.write(Buffer.concat([Buffer.from("940201a174", "hex"), options]));
    expect((await client.sync()).before.filter(([op]) => op === Op.ERR)).toEqual([]);
  });

  test("a key that means something has to be right", async () => {
    const client = await embedded.connect();
    client.write(Buffer.from("940201a174c70a0181a57175657565d40501", "hex"));
    const [op, sid, code, message] = await client.next();
    expect([op, sid, code]).toEqual([Op.ERR, 1, "bad_option"]);
    expect(message).toBe("queue must be a queue name, not an extension");
  });

  test.each([0, 1.5, 2 ** 53, "many"])("maxMessages of %s: what it may be is said whole", async (maxMessages) => {
    const client = await embedded.connect();
    client.send(Op.SUB, 1, "t", ext1({ maxMessages }));
    const [op, sid, code, message] = await client.next();
    expect([op, sid, code]).toEqual([Op.ERR, 1, "bad_option"]);
    expect(message).toMatch(/^maxMessages must be an integer from 1 to 2\^53 - 1, not /);
  });
});

describe("a peer that says nothing", () => {
  test("is closed after the handshake time-out", async () => {
    const client = await embedded.connect({ hello: false });
    const [op, ref, code, message] = await lastWord(client);
    expect([op, ref, code]).toEqual([Op.ERR, null, "bad_hello"]);
    expect(message).toMatch(/300 ms/);
  });

  test("a HELLO that trickles in is no HELLO, however busy its sender", async () => {
    const client = await embedded.connect({ hello: false });
    const hello = frame(Op.HELLO, 1, ext1({ name: "x".repeat(60) }));
    const started = Date.now();
    for (const byte of hello.subarray(0, -1)) {
      client.write(Buffer.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 8));
      if (Date.now() - started > 2000) break;
    }
    expect((await lastWord(client))[2]).toBe("bad_hello");
  });

  test("half a frame after the opening harms nobody, and costs what it holds", async () => {
    const client = await embedded.connect();
    client.write(Buffer.concat([Buffer.from("9301a174c600015f90", "hex"), Buffer.alloc(50_000)]));
    await witness.sees(20);
    client.write(Buffer.alloc(40_000));
    expect((await client.sync()).count).toBe(0);
  });
});

describe("a peer that stops reading", () => {
  test("and asks on is not read from beyond 1 MiB of answers; it gets all of them in the end", async () => {
    const client = await embedded.connect();
    const asker = await embedded.connect();
    client.stopReading();
    const count = 12_000;
    for (let id = 1; id <= count; id++) client.send(Op.REQ, id, "$sys.stats", null);
    let isPaused = false;
    for (let i = 0; i < 500 && !isPaused; i++) {
      const { clients } = await asker.ask("$sys.clients");
      const mine = (clients as { client: number; paused: boolean; heldBytes: number }[]).find(
        (each) => each.client === client.greeting.client,
      )!;
      isPaused = mine.paused;
      expect(mine.heldBytes).toBeLessThan(2 * 1024 * 1024);
    }
    expect(isPaused).toBe(true);
    await witness.sees(20);
    client.startReading();
    for (let id = 1; id <= count; id++) expect((await client.next()).slice(0, 3)).toEqual([Op.REPLY, id, 0]);
  });

  test("with an error that closes is closed all the same", async () => {
    const client = await embedded.connect();
    client.stopReading();
    for (let i = 0; i < 3000; i++) client.send(Op.REQ, i + 1, "$sys.stats", null);
    client.write(Buffer.of(0xc1));
    const { clients } = embedded.stats;
    client.startReading();
    expect((await lastWord(client))[2]).toBe("bad_frame");
    await embedded.until((stats) => stats.clients < clients);
  });

  test("its error unread, and its stream open, it is closed within the time that an ERR is given", async () => {
    const before = embedded.stats.clients;
    const client = await embedded.connect();
    client.stopReading();
    client.write(Buffer.of(0xc1));
    await embedded.until(({ clients }) => clients === before);
    await witness.sees(5);
  });
});

describe("very many subscriptions", () => {
  test("ten thousand on one connection work; one more is refused, and costs nothing else", async () => {
    const client = await embedded.connect();
    for (let sid = 1; sid <= 10_000; sid++) client.send(Op.SUB, sid, `many.${sid}.*`);
    client.send(Op.SUB, 10_001, "many.more");
    const { before } = await client.sync();
    expect(before).toHaveLength(1);
    expect(before[0]!.slice(0, 3)).toEqual([Op.ERR, 10_001, "limit"]);
    expect(before[0]![3]).toMatch(/maxSubscriptions/);
    await witness.sees(5);
    client.send(Op.PUB, "many.7777.x", 1);
    expect(await client.next()).toEqual([Op.FOR, 7777]);
    expect(await client.next()).toEqual([Op.PUB, "many.7777.x", 1]);
    for (let sid = 1; sid <= 10_000; sid++) client.send(Op.UNSUB, sid);
    await client.sync();
    expect(embedded.stats.subscriptions).toBe(1);
    client.send(Op.SUB, 1, "many.again");
    expect((await client.sync()).before).toEqual([]);
  });

  test("ten thousand that all match one message deliver it ten thousand times, to others too", async () => {
    const client = await embedded.connect();
    for (let sid = 1; sid <= 10_000; sid++) client.send(Op.SUB, sid, sid % 2 === 0 ? "flood.*" : "flood.x");
    await client.sync();
    client.send(Op.PUB, "flood.x", 1);
    expect(await client.take(Op.PUB, 10_000)).toHaveLength(10_000);
  });
});

describe("topics and patterns that are none", () => {
  test("one that is too long, a hundred times over, is refused each time, and the connection stays", async () => {
    const client = await embedded.connect();
    for (let i = 0; i < 100; i++) client.send(Op.PUB, "x".repeat(256 + i * 600), i);
    const { before, count } = await client.sync();
    expect(count).toBe(0);
    expect(before.map(([op, ref, code]) => [op, ref, code])).toEqual(
      Array.from({ length: 100 }, () => [Op.ERR, null, "bad_topic"]),
    );
    for (const [, , , message] of before) expect((message as string).length).toBeLessThan(400);
  });

  test("a flood of topics that are never used again changes nothing for the others", async () => {
    const client = await embedded.connect();
    for (let i = 0; i < 50_000; i += 100) {
      client.write(frames(...Array.from({ length: 100 }, (_, j) => [Op.PUB, `flood.${(i + j) * 7919}`, 1] as const)));
    }
    expect((await client.sync()).count).toBe(0);
    await witness.sees(5);
  });
});

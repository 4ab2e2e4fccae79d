// How bytes reach the broker does not matter: in one piece, one by one, cut anywhere, or followed at once by the end of the stream.

import { expect, test } from "vitest";

import { Embedded, numbered, numbers, upTo } from "../support/embedded.ts";
import { type Elements, ext1, frame, frames } from "../support/msgpack.ts";
import { Op, RawClient, show } from "../support/raw-client.ts";

/** A whole session of one client: opening, subscriptions, publishes to itself, a request to the broker, errors, BYE. */
const session: Elements[] = [
  [Op.HELLO, 1, ext1({ name: "session" })],
  [Op.SUB, 1, "s.*"],
  [Op.SUB, 2, "bad..pattern"],
  [Op.SYNC, 3],
  [Op.PUB, "s.one", "text", ext1({ id: "x" })],
  [Op.PUB, "s.two", Buffer.alloc(300, 7)],
  [Op.RETAIN, "s.three", ext1({ deep: { er: [1, 2, 3] } })],
  [Op.PUB, "s..wrong", 1],
  [Op.PUB, "s.four", -1, null, "behind", "what PUB defines"],
  [Op.UNSUB, 9],
  [Op.SYNC, 70_000],
  [Op.PING],
];

/** What a client gets, in two lists: the broker's own frames, and the deliveries; each of them is in order. */
async function outcome(client: RawClient): Promise<{ own: string[]; delivered: string[] }> {
  const seen: string[] = [];
  const delivered: string[] = [];
  while (!seen.includes("[16]") || delivered.length < 5) {
    const elements = await client.next();
    if (elements[0] === Op.HELLO) continue;
    const isDelivery = elements[0] === Op.FOR || elements[0] === Op.PUB || elements[0] === Op.RETAIN;
    (isDelivery ? delivered : seen).push(show(elements));
  }
  return { own: seen, delivered };
}

async function run(embedded: Embedded, pieces: Buffer[]): Promise<{ own: string[]; delivered: string[] }> {
  const client = await embedded.connect({ hello: false });
  for (const [i, piece] of pieces.entries()) {
    client.write(piece);
    // So that the broker reads the pieces apart: what is written in one turn may be read as one.
    if (i < pieces.length - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  const came = await outcome(client);
  await client[Symbol.asyncDispose]();
  return came;
}

test("a session that comes byte by byte, or cut in two anywhere, has the same outcome as one that comes whole", async () => {
  await using embedded = await Embedded.start();
  const bytes = frames(...session);
  const whole = await run(embedded, [bytes]);
  expect(whole.own).toHaveLength(6); // OK 0, two ERR, two OK, PONG
  expect(whole.delivered).toEqual([
    show([Op.FOR, 1]),
    ...[session[4]!, session[5]!, session[6]!, session[8]!].map((elements) => show(elements)),
  ]);
  const reset = await embedded.connect();
  const clear = async (): Promise<void> => {
    reset.send(Op.RETAIN, "s.three", null);
    await reset.sync();
  };
  await clear();
  expect(
    await run(
      embedded,
      [...bytes].map((byte) => Buffer.of(byte)),
    ),
  ).toEqual(whole);
  for (let cut = 1; cut < bytes.length; cut++) {
    await clear();
    const came = await run(embedded, [bytes.subarray(0, cut), bytes.subarray(cut)]);
    expect(came, `cut at ${cut}`).toEqual(whole);
  }
  expect(embedded.imbalance).toBe(0);
});

test("frames of every size around those of the read buffers arrive whole", async () => {
  await using embedded = await Embedded.start();
  const subscriber = await embedded.having([Op.SUB, 1, "t"]);
  const publisher = await embedded.connect();
  const sizes = [
    0, 1, 255, 256, 1000, 4085, 4096, 8000, 65_000, 65_530, 65_536, 70_000, 131_072, 300_000, 1_500_000, 5_000_000,
  ];
  for (const size of [...sizes, ...sizes.toReversed()]) publisher.send(Op.PUB, "t", Buffer.alloc(size, size % 251));
  expect((await publisher.sync()).count).toBe(2 * sizes.length);
  expect(await subscriber.next()).toEqual([Op.FOR, 1]);
  for (const size of [...sizes, ...sizes.toReversed()]) {
    const { elements } = await subscriber.nextFrame();
    const payload = elements[2] as Buffer;
    expect(payload.length).toBe(size);
    expect(payload.equals(Buffer.alloc(size, size % 251))).toBe(true);
  }
  expect(embedded.imbalance).toBe(0);
});

const MESSAGES = 2000;

test.each([
  ["ends its half of the stream", (client: RawClient) => client.end()],
  ["closes at once, its answers unread", (client: RawClient) => client.destroy()],
])("who writes everything, unread answers among it, and %s is heard to the last frame", async (_how, leave) => {
  await using embedded = await Embedded.start();
  const subscriber = await embedded.having([Op.SUB, 1, "t"]);
  const publisher = await embedded.connect({ hello: false });
  publisher.stopReading();
  publisher.write(frames([Op.HELLO, 1], [Op.SUB, 9, "t"], [Op.SYNC, 1]));
  for (let i = 0; i < MESSAGES; i += 100) {
    publisher.write(numbered("t", i, 100, 50));
    publisher.write(frames([Op.SYNC, i + 10], [Op.REQ, i + 11, "$sys.stats", null], [Op.PING]));
  }
  await publisher.flushed();
  leave(publisher);
  expect(await numbers(subscriber, MESSAGES)).toEqual(upTo(MESSAGES));
  await embedded.until(({ clients }) => clients === 1);
  expect(embedded.imbalance).toBe(0);
});

test("one hundred who write and go at once, opening included, are all heard", async () => {
  await using embedded = await Embedded.start();
  const subscriber = await embedded.having([Op.SUB, 1, "t"]);
  for (let i = 0; i < 100; i++) {
    const client = await embedded.connect({ hello: false });
    client.write(Buffer.concat([frame(Op.HELLO, 1), numbered("t", i, 1, 10_000)]));
    await client.flushed();
    client.destroy();
  }
  expect((await numbers(subscriber, 100)).sort((a, b) => a - b)).toEqual(upTo(100));
});

test("a publisher that is paused when it goes is heard as well, once there is room", async () => {
  await using embedded = await Embedded.start({ headroom: 20_000 });
  const subscriber = await embedded.having([Op.SUB, 1, "t", ext1({ maxMessages: 10 })], [Op.XOFF, 1]);
  const publisher = await embedded.connect();
  publisher.stopReading();
  publisher.write(numbered("t", 0, 120, 1000));
  await publisher.flushed();
  publisher.destroy();
  await embedded.until(({ waiting }) => waiting > 10);
  subscriber.send(Op.XON, 1);
  expect(await numbers(subscriber, 120)).toEqual(upTo(120));
  await embedded.until(({ clients }) => clients === 1);
  expect(embedded.imbalance).toBe(0);
});

test("after the end of its stream a client is gone: subscriptions, queues and requests with it", async () => {
  await using embedded = await Embedded.start();
  const client = await embedded.having(
    [Op.SUB, 1, "t"],
    [Op.SUB, 2, "t", ext1({ queue: "q" })],
    [Op.SUB, 3, "r", ext1({ respond: true })],
    [Op.REQ, 4, "r", null],
  );
  expect(embedded.stats).toMatchObject({ clients: 1, subscriptions: 3, queues: 1, pendingRequests: 1 });
  client.end();
  await client.closed();
  await embedded.until(({ clients }) => clients === 0);
  expect(embedded.stats).toMatchObject({ subscriptions: 0, queues: 0, pendingRequests: 0 });
});

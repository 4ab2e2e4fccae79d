// Each limit answers with its code, names its option, leaves the others alone, and is counted under that name.

import { describe, expect, test } from "vitest";

import type { CoreOptions } from "../../../../broker/core/options.ts";
import { type Element, type Elements, ext1 } from "../../../support/msgpack.ts";
import { Op } from "../../../support/raw-client.ts";
import { type SimulatedClient, World } from "../../../support/simulated.ts";

interface Case {
  readonly limit: keyof ReturnType<World["core"]["stats"]>["limited"];
  readonly options: Partial<CoreOptions>;
  /** Reaches the limit once. */
  readonly reach: (world: World, client: SimulatedClient) => void;
  readonly code: string;
  readonly closes?: true;
}

const send =
  (...frames: Elements[]) =>
  (world: World, client: SimulatedClient): void => {
    for (const frame of frames) client.send(...frame);
    world.run();
  };
const queue = (name: string, options: Record<string, Element> = {}): Element => ext1({ queue: name, ...options });

const CASES: readonly Case[] = [
  {
    limit: "maxSubscriptions",
    options: { maxSubscriptions: 2 },
    reach: send([Op.SUB, 1, "a"], [Op.SUB, 2, "b", ext1({ respond: true })], [Op.SUB, 3, "c", queue("q")]),
    code: "limit",
  },
  {
    limit: "maxQueues",
    options: { maxQueues: 1 },
    reach: send([Op.SUB, 1, "a", queue("q")], [Op.SUB, 2, "a", queue("q")], [Op.SUB, 3, "a", queue("r")]),
    code: "limit",
  },
  {
    limit: "maxRequests",
    options: { maxRequests: 2 },
    reach: send(
      [Op.SUB, 1, "f", ext1({ respond: true })],
      [Op.REQ, 2, "f", null],
      [Op.REQ, 3, "$sys.wait", ext1({ topic: "nobody" })],
      [Op.REQ, 4, "f", null],
    ),
    code: "limit",
  },
  {
    limit: "maxRetained",
    options: { maxRetained: 1 },
    reach: send([Op.RETAIN, "a", 1], [Op.RETAIN, "b", 1]),
    code: "limit",
  },
  {
    limit: "maxFrame",
    options: { maxFrame: 4096 },
    reach: send([Op.PUB, "a", Buffer.alloc(5000)]),
    code: "too_large",
    closes: true,
  },
  {
    limit: "headroom",
    options: { headroom: 4096 },
    reach: (world, client) => {
      client.isReading = false;
      client.send(Op.SUB, 1, "a", ext1({ maxMessages: 1 }));
      for (let i = 0; i < 400; i++) client.send(Op.PUB, "a", Buffer.alloc(1024));
      world.run();
      client.isReading = true;
      for (let i = 0; i < 1000; i++) {
        client.take();
        world.run();
      }
    },
    code: "limit",
  },
  {
    limit: "memoryLimit",
    options: { memoryLimit: 1024 * 1024 },
    reach: (world, client) => {
      for (let i = 0; i < 20; i++) client.send(Op.RETAIN, `a${i}`, Buffer.alloc(64 * 1024));
      world.run();
    },
    code: "limit",
  },
];

describe.each(CASES)("$limit", ({ limit, options, reach, code, closes = false }) => {
  test("answers, names itself, and is counted", () => {
    const world = new World(options);
    const client = world.connect();
    const other = world.connect();
    reach(world, client);
    const errors = client.read().filter(([op]) => op === Op.ERR);
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.map((error) => error[2])).toEqual(errors.map(() => code));
    expect(errors[0]![3]).toContain(`option ${limit}`);
    expect(client.hasEnded).toBe(closes);
    const { limited } = world.core.stats();
    expect(limited).toEqual({ ...limited, [limit]: errors.length });
    expect(Object.values(limited).reduce((sum, times) => sum + times, 0)).toBe(errors.length);
    other.send(Op.SYNC, 1);
    world.run();
    expect(other.read().at(-1)).toEqual([Op.OK, 1, 0]);
  });
});

test("maxConnections", () => {
  const world = new World({ maxConnections: 1 });
  world.connect();
  const second = world.accept();
  expect(second.read()).toEqual([[Op.ERR, null, "limit", expect.stringContaining("option maxConnections")]]);
  expect(world.core.stats()).toMatchObject({ refusedClients: 1, limited: { maxConnections: 1 } });
});

test("handshakeMs", () => {
  const world = new World({ handshakeMs: 50 });
  const silent = world.accept();
  silent.read();
  world.advance(50);
  expect(silent.read()).toEqual([[Op.ERR, null, "bad_hello", expect.stringContaining("option handshakeMs")]]);
  expect(world.core.stats().limited.handshakeMs).toBe(1);
});

test("stallMs", () => {
  const world = new World({ stallMs: 1000 });
  const [hung, publisher] = [world.connect(), world.connect()];
  send([Op.SUB, 1, "a", ext1({ maxMessages: 1 })], [Op.XOFF, 1])(world, hung);
  for (let i = 0; i < 4; i++) send([Op.PUB, "a", i])(world, publisher);
  world.advance(10_000);
  expect(hung.read().at(-1)).toEqual([Op.ERR, null, "stalled", expect.stringContaining("option stallMs")]);
  expect(world.core.stats().limited.stallMs).toBe(1);
});

test("a request that is answered, cancelled, late or gone makes room for another", () => {
  const world = new World({ maxRequests: 1 });
  const [caller, responder] = [world.connect(), world.connect()];
  send([Op.SUB, 1, "f", ext1({ respond: true })])(world, responder);
  const ask = (id: number, topic: string, timeoutMs?: number): Element[][] => {
    const asked = topic === "$sys.wait" ? ext1({ topic: "nobody" }) : 1;
    send([Op.REQ, id, topic, asked, null, ...(timeoutMs === undefined ? [] : [timeoutMs])])(world, caller);
    return caller.read().filter(([op]) => op === Op.ERR);
  };
  expect(ask(1, "f")).toEqual([]);
  expect(ask(2, "f").map(([, id, code]) => [id, code])).toEqual([[2, "limit"]]);
  send([Op.REPLY, responder.read().at(-1)![1]!, 0, 1])(world, responder);
  expect(ask(3, "f", 100)).toEqual([]);
  world.advance(100);
  caller.read();
  expect(ask(4, "$sys.wait")).toEqual([]);
  expect(ask(5, "f")).toHaveLength(1);
  send([Op.CANCEL, 4])(world, caller);
  expect(ask(6, "f")).toEqual([]);
  send([Op.CANCEL, 6])(world, caller);
  expect(ask(7, "f")).toEqual([]);
  responder.leave();
  world.run();
  caller.read();
  expect(ask(8, "$sys.wait")).toEqual([]);
});

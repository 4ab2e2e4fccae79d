// A whole broker in simulated time: whatever happens in whatever order, the books balance, nobody waits for nothing, and nothing
// is held when all is over.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { check } from "../../../../broker/core/sys/check.ts";
import { type Element, ext1, frame } from "../../../support/msgpack.ts";
import { Op } from "../../../support/raw-client.ts";
import { type SimulatedClient, World } from "../../../support/simulated.ts";

test("one that is paused for another's sake, and fills what it has to empty itself, is read from again", () => {
  const world = new World({ headroom: 1000 });
  const slow = world.connect();
  slow.send(Op.SUB, 1, "slow", ext1({ maxMessages: 1 }));
  slow.send(Op.XOFF, 1);
  const both = world.connect();
  both.send(Op.SUB, 1, "own", ext1({ maxMessages: 1 }));
  both.send(Op.XOFF, 1);
  world.run();
  const large = frame(Op.PUB, "slow", "x".repeat(600));
  // In one read: it is paused by the third, and fills its own by what is behind that.
  const own = frame(Op.PUB, "own", 1);
  both.write(Buffer.concat([large, large, large, large, own, own, own]));
  world.run();
  expect(both.isPaused).toBe(false);
  both.send(Op.XON, 1);
  world.run();
  const came = both.read();
  expect(came.filter(([op]) => op === Op.PUB)).toHaveLength(2);
  // Beyond its headroom it is refused instead.
  expect(came.filter(([op, , code]) => op === Op.ERR && code === "limit")).toHaveLength(1);
});

test("what one that drops the oldest could hand on is not dropped because others of its connection took the room in the same turn", () => {
  const world = new World();
  const receiver = world.connect();
  receiver.send(Op.SUB, 1, "t", ext1({ maxMessages: 2, overflow: "drop-oldest" }));
  for (let sid = 2; sid < 8; sid++) receiver.send(Op.SUB, sid, "t", ext1({ maxMessages: 1 })); // hand on at every message
  world.run();
  receiver.isReading = false;
  const publisher = world.connect();
  // A connection has room for 256 KiB: there is some yet when the fifth finds it full, and none at the end of the turn.
  publisher.write(
    Buffer.concat(Array.from({ length: 6 }, (_, i) => frame(Op.PUB, "t", i, null, Buffer.alloc(10_000)))),
  );
  world.run();
  expect(world.core.counters().dropped).toBe(0);
  receiver.isReading = true;
  receiver.take();
  world.run();
  expect(receiver.read().some(([op]) => op === Op.GAP)).toBe(false);
  expect(world.imbalance).toBe(0);
});

describe("one that drops the oldest, and goes on in the turn in which it was full", () => {
  const payloads = (frames: Element[][]): Element[] =>
    frames.filter(([op]) => op === Op.PUB).map(([, , payload]) => payload!);

  test("hands on no more than its limit", () => {
    const world = new World();
    const receiver = world.connect();
    receiver.send(Op.SUB, 1, "t", ext1({ maxMessages: 2, overflow: "drop-oldest" }));
    receiver.send(Op.XOFF, 1);
    world.run();
    const publisher = world.connect();
    publisher.write(Buffer.concat(Array.from({ length: 10 }, (_, i) => frame(Op.PUB, "t", i))));
    receiver.send(Op.XON, 1);
    world.run();
    expect(receiver.read()).toEqual([
      [Op.GAP, 1, 8],
      [Op.FOR, 1],
      [Op.PUB, "t", 8],
      [Op.PUB, "t", 9],
    ]);
  });

  test("hands on what it can from there, before others of its connection take the room", () => {
    const world = new World();
    const receiver = world.connect();
    receiver.send(Op.SUB, 1, "t", ext1({ maxMessages: 2, overflow: "drop-oldest" }));
    receiver.send(Op.XOFF, 1);
    for (let sid = 2; sid < 8; sid++) receiver.send(Op.SUB, sid, "u", ext1({ maxMessages: 1 }));
    world.run();
    receiver.isReading = false;
    const publisher = world.connect();
    const publish = (topic: string, count: number, first: number): void =>
      publisher.write(
        Buffer.concat(
          Array.from({ length: count }, (_, i) => frame(Op.PUB, topic, first + i, null, Buffer.alloc(5000))),
        ),
      );
    publish("t", 3, 1);
    receiver.send(Op.XON, 1);
    publish("t", 3, 4);
    publish("u", 20, 100);
    world.run();
    expect(world.core.counters().dropped).toBe(1);
    receiver.isReading = true;
    for (let i = 0; i < 20; i++) {
      receiver.take();
      world.run();
    }
    expect(payloads(receiver.read()).filter((payload) => (payload as number) < 100)).toEqual([2, 3, 4, 5, 6]);
  });
});

describe("time", () => {
  test("no HELLO within the handshake time-out", () => {
    const world = new World();
    const client = world.accept();
    client.read();
    world.advance(4999);
    expect(client.read()).toEqual([]);
    world.advance(1);
    expect(client.read().map((each) => each.slice(0, 3))).toEqual([[Op.ERR, null, "bad_hello"]]);
    expect(client.hasEnded).toBe(true);
    expect(world.core.peers.size).toBe(1);
    world.advance(2000);
    expect(world.core.peers.size).toBe(0);
  });

  test("a PING after each heartbeat without a byte, and none to one who speaks", () => {
    const world = new World();
    const silent = world.connect();
    const speaking = world.connect();
    for (let i = 0; i < 6; i++) {
      world.advance(7500);
      speaking.send(Op.PONG);
    }
    expect(silent.read()).toEqual([[Op.PING], [Op.PING], [Op.PING]]);
    expect(speaking.read()).toEqual([]);
  });

  test("a request times out to the millisecond, and each part of its answer begins the time anew", () => {
    const world = new World();
    const responder = world.connect();
    responder.send(Op.SUB, 1, "r", ext1({ respond: true }));
    const caller = world.connect();
    caller.send(Op.REQ, 5, "r", null, null, 1000);
    world.run();
    const id = responder.read()[1]![1]!;
    for (let i = 0; i < 3; i++) {
      world.advance(999);
      responder.send(Op.REPLY, id, 1, i);
      world.run();
    }
    expect(caller.read()).toEqual([0, 1, 2].map((i) => [Op.REPLY, 5, 1, i]));
    world.advance(999);
    expect(caller.read()).toEqual([]);
    world.advance(1);
    expect(caller.read().map((each) => each.slice(0, 3))).toEqual([[Op.ERR, 5, "timeout"]]);
    expect(responder.read()).toEqual([[Op.CANCEL, id]]);
  });

  test("$sys.wait gives up after its time", () => {
    const world = new World();
    const caller = world.connect();
    caller.send(Op.REQ, 1, "$sys.wait", ext1({ topic: "t" }));
    world.advance(29_999);
    expect(caller.read().filter(([op]) => op === Op.REPLY)).toEqual([]);
    world.advance(1);
    expect(
      caller
        .read()
        .filter(([op]) => op === Op.REPLY)
        .map((each) => each.slice(0, 3)),
    ).toEqual([[Op.REPLY, 1, 2]]);
  });
});

describe("BYE", () => {
  test("of a queue's last member ends the queue: nobody is held up by one who takes nothing more", () => {
    const world = new World();
    const member = world.connect();
    member.send(Op.SUB, 1, "t", ext1({ queue: "q", maxMessages: 1 }));
    member.send(Op.XOFF, 1);
    const publisher = world.connect();
    for (let i = 0; i < 2; i++) publisher.send(Op.PUB, "t", i);
    world.run();
    expect(publisher.read().map(([op]) => op)).toEqual([Op.XOFF]);
    // An answer that it waits for keeps it connected.
    publisher.send(Op.SUB, 1, "r", ext1({ respond: true }));
    member.send(Op.REQ, 2, "r", null);
    member.send(Op.BYE);
    world.run();
    expect(member.hasEnded).toBe(false);
    expect(publisher.read().filter(([op]) => op === Op.XON)).toEqual([[Op.XON, "t"]]);
    expect(world.core.queues.size).toBe(0);
    expect(world.core.counters()).toMatchObject({ accepted: 2, dropped: 2, waiting: 0 });
  });

  test("of a member that has something to settle: it is over with the last ACK", () => {
    const world = new World();
    const member = world.connect();
    member.send(Op.SUB, 1, "t", ext1({ queue: "q", ack: true }));
    member.send(Op.PUB, "t", "a");
    member.send(Op.PUB, "t", "b");
    world.run();
    member.send(Op.BYE);
    member.send(Op.ACK, 1, 1, 1, 0);
    world.run();
    expect(member.hasEnded).toBe(false);
    member.send(Op.ACK, 1, 2, 2, 0);
    world.run();
    expect(member.hasEnded).toBe(true);
    expect(world.core.counters()).toMatchObject({ accepted: 2, settled: 2 });
  });
});

test("a queue that is removed drops what its members hold: that is no failed attempt, and nothing of it is dead", () => {
  const world = new World();
  const member = world.connect();
  const options = { queue: "q", ack: true, maxAttempts: 1, deadLetter: "dead", prefetch: 2 };
  member.send(Op.SUB, 1, "t", ext1(options));
  member.send(Op.SUB, 2, "dead");
  for (let i = 0; i < 3; i++) member.send(Op.PUB, "t", i);
  world.run();
  member.read();
  member.send(Op.REQ, 3, "$sys.queue.remove", ext1({ queue: "q" }));
  world.run();
  expect(member.read().map((elements) => elements.slice(0, 3))).toMatchObject([
    [Op.ERR, 1, "unavailable"],
    [Op.REPLY, 3, 0],
  ]);
  expect(world.core.counters()).toMatchObject({ accepted: 3, dropped: 3, dead: 0, inFlight: 0 });
  expect(check(world.core).problems).toEqual([]);
});

test("only what the member may have can be settled: a range passes over what is on its way", () => {
  const world = new World();
  const member = world.connect();
  member.send(Op.SUB, 1, "t", ext1({ queue: "q", ack: true }));
  world.run();
  const publisher = world.connect();
  for (let i = 0; i < 2; i++) publisher.send(Op.PUB, "t", i);
  world.run();
  member.isReading = false;
  for (let i = 2; i < 6; i++) publisher.send(Op.PUB, "t", i, ext1({ b: "x".repeat(3000) }));
  world.run();
  const settled = (): number => world.core.counters().settled;
  member.send(Op.ACK, 1, 0, 1_000_000, 0);
  world.run();
  expect(settled()).toBe(2);
  // Two and a half of them are taken.
  member.takeSome(7600);
  member.send(Op.ACK, 1, 0, 1_000_000, 0);
  world.run();
  expect(settled()).toBe(4);
  member.take();
  member.send(Op.ACK, 1, 0, 1_000_000, 0);
  world.run();
  expect(settled()).toBe(6);
  expect(check(world.core).problems).toEqual([]);
});

// ── Everything at once ──────────────────────────────────────────────────────────────────────────────────────────────

const CLIENTS = 4;
const TOPICS = ["t.a", "t.b", "u"] as const;
const PATTERNS = ["t.a", "t.*", ">", "u"] as const;
const OPTIONS = [
  {},
  { maxMessages: 3 },
  { maxBytes: 500 },
  { queue: "q", maxMessages: 5 },
  { queue: "p" },
  { queue: "part", partitionBy: 1, maxMessages: 6 },
  { queue: "acked", ack: true, prefetch: 4, ackTimeoutMs: 200, maxAttempts: 3 },
  { maxMessages: 4, overflow: "drop-oldest" },
  { maxMessages: 4, overflow: "drop-newest" },
  { maxMessages: 2, overflow: "latest" },
  { maxMessages: 4, overflow: "disconnect" },
  { respond: true },
] as const;

const client = fc.nat({ max: CLIENTS - 1 });
const sid = fc.integer({ min: 1, max: 4 });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("sub" as const),
      client,
      sid,
      pattern: fc.constantFrom(...PATTERNS),
      options: fc.constantFrom(...OPTIONS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("unsub" as const, "hold" as const, "release" as const), client, sid }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("pub" as const, "pub" as const, "pub" as const, "retain" as const),
      client,
      topic: fc.constantFrom(...TOPICS),
      count: fc.integer({ min: 1, max: 8 }),
      ballast: fc.oneof({ weight: 5, arbitrary: fc.nat({ max: 100 }) }, fc.nat({ max: 70_000 })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("stop" as const, "read" as const, "take" as const), client }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("ack" as const), client, sid, verdict: fc.nat({ max: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("request" as const, "reply" as const, "cancel" as const), client }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("leave" as const, "bye" as const, "break" as const), client }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.nat({ max: 300 }) }) },
);

/** One client, and what it can know: its topics in XOFF, its own numbers, what it was asked. */
class Actor {
  readonly #world: World;
  client: SimulatedClient;
  off = new Set<Element>();
  sids = new Set<number>();
  asked: Element[] = [];
  nextId = 100;

  constructor(world: World) {
    this.#world = world;
    this.client = world.connect();
  }

  /** Looks at what came; the rules of XOFF and XON are checked as it does. */
  look(): void {
    for (const [op, first, second] of this.client.read()) {
      if (op === Op.XOFF) {
        expect(this.off.has(first!)).toBe(false);
        this.off.add(first!);
      } else if (op === Op.XON) {
        expect(this.off.delete(first!)).toBe(true);
      } else if (op === Op.REQ) {
        this.asked.push(first!);
      } else if (op === Op.CANCEL) {
        this.asked = this.asked.filter((id) => id !== first);
      } else if (op === Op.ERR && typeof first === "number" && second !== "timeout") {
        this.sids.delete(first);
      }
    }
    if (!this.client.hasEnded) return;
    // Its end is over: it comes anew.
    this.client.leave();
    this.#world.run();
    this.client = this.#world.connect();
    this.off = new Set();
    this.sids = new Set();
    this.asked = [];
  }
}

test("the books balance after every step, XOFF and XON match, and nothing is held at the end", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 150, size: "max" }), (steps) => {
      const world = new World({ headroom: 50_000, stallMs: 1e9, heartbeatMs: 1e9 });
      const { core } = world;
      const actors = Array.from({ length: CLIENTS }, () => new Actor(world));
      let number = 0;
      for (const each of steps) {
        if (each.do === "advance") world.advance(each.ms);
        else {
          const actor = actors[each.client]!;
          act(actor, each, () => number++);
        }
        world.run();
        for (const actor of actors) actor.look();
        world.run();
        expect(check(core).problems).toEqual([]);
      }
      // All read, release and acknowledge until nothing moves: then nobody is held up any more.
      const isBusy = (): boolean => core.counters().waiting + core.counters().inFlight > 0;
      for (let round = 0; round < 30 || (round < 1000 && isBusy()); round++) {
        for (const actor of actors) {
          actor.client.isReading = true;
          actor.client.take();
          for (const each of actor.sids) {
            actor.client.send(Op.XON, each);
            actor.client.send(Op.ACK, each, 0, Number.MAX_SAFE_INTEGER, 0);
          }
          world.run();
          actor.look();
        }
        world.advance(50);
      }
      for (const actor of actors) {
        actor.look();
        expect([...actor.off]).toEqual([]);
        expect(actor.client.isPaused).toBe(false);
      }
      expect(core.flow.blockedPublishers).toBe(0);
      const { accepted, settled, dropped, dead, waiting, inFlight } = core.counters();
      expect({ waiting, inFlight }).toEqual({ waiting: 0, inFlight: 0 });
      expect(settled + dropped + dead).toBe(accepted);
      for (const actor of actors) actor.client.leave();
      world.run();
      world.advance(3000);
      expect([core.peers.size, core.openClients, core.subscriptions, core.queues.size, core.requests.pending]).toEqual([
        0, 0, 0, 0, 0,
      ]);
      for (const topic of TOPICS) core.retained.clear(topic);
      expect(world.imbalance).toBe(0);
      expect(core.chunks.heldBytes).toBe(0);
    }),
    { numRuns: 120 },
  );
});

type Step = Exclude<typeof step extends fc.Arbitrary<infer T> ? T : never, { do: "advance" }>;

function act(actor: Actor, each: Step, next: () => number): void {
  const { client } = actor;
  switch (each.do) {
    case "sub":
      if (actor.sids.has(each.sid)) return;
      actor.sids.add(each.sid);
      client.send(Op.SUB, each.sid, each.pattern, ext1(each.options));
      return;
    case "unsub":
      // A number is free for sure only once nothing delivered under it is unsettled.
      if (!actor.sids.delete(each.sid)) return;
      client.send(Op.ACK, each.sid, 0, Number.MAX_SAFE_INTEGER, 0);
      client.send(Op.UNSUB, each.sid);
      actor.nextId++;
      return;
    case "hold":
      return client.send(Op.XOFF, each.sid);
    case "release":
      return client.send(Op.XON, each.sid);
    case "pub":
    case "retain":
      for (let i = 0; i < each.count; i++) {
        client.send(each.do === "pub" ? Op.PUB : Op.RETAIN, each.topic, next(), null, Buffer.alloc(each.ballast));
      }
      return;
    case "stop":
      client.isReading = false;
      return;
    case "read":
      client.isReading = true;
      return client.take();
    case "take":
      return client.take();
    case "ack":
      return client.send(Op.ACK, each.sid, 1, 1_000_000, each.verdict);
    case "request":
      return client.send(Op.REQ, actor.nextId++, "t.a", "question", null, actor.nextId % 2 === 0 ? 150 : 0);
    case "reply": {
      const id = actor.asked.shift();
      if (id !== undefined) client.send(Op.REPLY, id, 0, "answer");
      return;
    }
    case "cancel":
      return client.send(Op.CANCEL, actor.nextId - 1);
    case "leave":
      client.transport.end();
      return;
    case "bye":
      return client.send(Op.BYE);
    case "break":
      return client.write(Buffer.of(0xc1));
  }
}

// Rules in a whole broker, in simulated time: what is refused, how often they are asked, and what a change of them ends.

import { describe, expect, test } from "vitest";

import type { Rule } from "../../../../broker/core/rules.ts";
import { parseRules } from "../../../../broker/rules/read.ts";
import { type Element, type Elements, ext1, valueIn } from "../../../support/msgpack.ts";
import { Op } from "../../../support/raw-client.ts";
import { type SimulatedClient, World } from "../../../support/simulated.ts";

const rulesOf = (text: string): readonly Rule[] => parseRules(text, "rules.yaml").rules;

const RULES = `rules:
  - who: { uid: 1001 }
    publish: [a.>, dead]
    subscribe: [a.>, b]
    queue: jobs.*
    request: math.*
    respond: math.>
  - who: { uid: 1002 }
    subscribe: a.x
  - who: { uid: 1003 }
    sys: true
  - who: { uid: 1004 }
    admin: true
`;

const user = (world: World, uid: number): SimulatedClient => world.connect({ uid, gid: uid, pid: 1 });

/** What comes back for these frames. */
function answers(world: World, client: SimulatedClient, ...frames: Elements[]): Element[][] {
  for (const frame of frames) client.send(...frame);
  world.run();
  return client.read();
}

const codes = (frames: Element[][]): Element[] => frames.filter(([op]) => op === Op.ERR).map((frame) => frame[2]!);

describe("what no rule permits is refused, and the connection stays", () => {
  const world = new World({ rules: rulesOf(RULES) });
  const one = user(world, 1001);
  const other = user(world, 1002);
  const stranger = user(world, 5);
  const queue = (options: Record<string, Element>): Element => ext1(options);

  test("to publish", () => {
    const [refused] = answers(world, other, [Op.PUB, "a.x", 1]);
    expect(refused).toEqual([Op.ERR, null, "not_allowed", expect.stringContaining('uid 1002 publish to "a.x"'), "a.x"]);
    expect(refused![3]).toContain("option rules");
    expect(codes(answers(world, one, [Op.PUB, "a.x", 1], [Op.RETAIN, "a.y", 1], [Op.SYNC, 1]))).toEqual([]);
    expect(codes(answers(world, one, [Op.PUB, "a", 1], [Op.RETAIN, "b", 1]))).toEqual(["not_allowed", "not_allowed"]);
    expect(world.core.retained.size).toBe(1);
  });

  test("to subscribe to more than is permitted", () => {
    expect(codes(answers(world, one, [Op.SUB, 10, "a.>"], [Op.SUB, 11, "a.*.c"], [Op.SUB, 12, "b"]))).toEqual([]);
    for (const pattern of [">", "*", "a", "b.c", "*.x", "$sys.events.>"]) {
      expect(codes(answers(world, one, [Op.SUB, 13, pattern])), pattern).toEqual(["not_allowed"]);
    }
    expect(codes(answers(world, other, [Op.SUB, 1, "a.x"], [Op.SUB, 2, "a.*"]))).toEqual(["not_allowed"]);
  });

  test("to use a queue, and to have it publish where one may not oneself", () => {
    expect(codes(answers(world, one, [Op.SUB, 20, "a.>", queue({ queue: "jobs.x" })]))).toEqual([]);
    expect(codes(answers(world, one, [Op.SUB, 21, "a.>", queue({ queue: "jobs" })]))).toEqual(["not_allowed"]);
    expect(codes(answers(world, other, [Op.SUB, 3, "a.x", queue({ queue: "jobs.x" })]))).toEqual(["not_allowed"]);
    const [dead, secret] = ["dead", "secret"].map((deadLetter) => queue({ queue: `jobs.${deadLetter}`, deadLetter }));
    expect(codes(answers(world, one, [Op.SUB, 22, "b", dead!], [Op.SUB, 23, "b", secret!]))).toEqual(["not_allowed"]);
  });

  test("to call and to respond", () => {
    const respond = ext1({ respond: true });
    expect(codes(answers(world, one, [Op.SUB, 30, "math.>", respond], [Op.SUB, 31, "a.x", respond]))).toEqual([
      "not_allowed",
    ]);
    expect(codes(answers(world, one, [Op.REQ, 32, "math.a.b", 1]))).toEqual(["not_allowed"]);
    expect(codes(answers(world, other, [Op.REQ, 4, "math.add", 1]))).toEqual(["not_allowed"]);
    answers(world, one, [Op.REQ, 33, "math.add", 1]);
    expect(world.core.requests.pending).toBe(1);
  });

  test("to read $sys and to administer, but a sign of life is everybody's", () => {
    const ask = (client: SimulatedClient, topic: string, asked: Record<string, Element> = {}): Element[][] =>
      answers(world, client, [Op.REQ, 50, topic, ext1(asked)]);
    const [reader, admin] = [user(world, 1003), user(world, 1004)];
    for (const topic of ["$sys.stats", "$sys.clients", "$sys.topics", "$sys.queues", "$sys.queue.show"]) {
      expect(codes(ask(one, topic, { queue: "jobs.x" })), topic).toEqual(["not_allowed"]);
      expect(codes(ask(reader, topic, { queue: "jobs.x" })), topic).toEqual([]);
      expect(codes(ask(admin, topic, { queue: "jobs.x" })), topic).toEqual([]);
    }
    for (const topic of [
      "$sys.check",
      "$sys.queue.purge",
      "$sys.queue.update",
      "$sys.queue.replay",
      "$sys.queue.remove",
    ]) {
      expect(codes(ask(reader, topic, { queue: "jobs.x" })), topic).toEqual(["not_allowed"]);
      expect(codes(ask(admin, topic, { queue: "jobs.x" })), topic).toEqual([]);
    }
    expect(codes(ask(stranger, "$sys.ping"))).toEqual([]);
    expect(codes(answers(world, reader, [Op.SUB, 1, "$sys.events.>"]))).toEqual([]);
    const [refused] = ask(admin, "$sys.queue.update", { queue: "jobs.dead", deadLetter: "elsewhere" });
    expect(valueIn(refused![3]!)).toMatchObject({ code: "not_allowed" });
  });

  test("to wait for a topic with which one has nothing to do", () => {
    one.read(); // a member of the queue that was removed was told
    const wait = (client: SimulatedClient, topic: string): Element[] =>
      codes(answers(world, client, [Op.REQ, 60, "$sys.wait", ext1({ topic })]));
    expect(wait(one, "a.x")).toEqual([]);
    expect(wait(other, "a.x")).toEqual([]);
    expect(wait(other, "math.add")).toEqual(["not_allowed"]);
    expect(wait(stranger, "a.x")).toEqual(["not_allowed"]);
  });

  test("each is counted", () => {
    const { denied, refused } = world.core.stats();
    expect(denied).toBeGreaterThan(25);
    expect(refused).toBeGreaterThanOrEqual(denied - 1);
  });
});

describe("the rules are asked", () => {
  test("once a topic and role, however many messages, clients and subscriptions there are", () => {
    const world = new World({ rules: rulesOf(RULES) });
    const publishers = [user(world, 1001), user(world, 1001), user(world, 1002), user(world, 5), user(world, 6)];
    const asked = (): number => world.core.stats().rulesAsked;
    for (let round = 0; round < 50; round++) {
      for (const publisher of publishers) answers(world, publisher, [Op.PUB, "a.x", round], [Op.PUB, "a.y", round]);
      // Receivers are matched anew; who may publish stays the same.
      answers(world, publishers[0]!, [Op.SUB, 100 + round, "a.x"]);
    }
    // Two topics; three roles: those of 1001, of 1002, and of nobody.
    expect(asked()).toBe(6);
    expect(world.core.stats().routesResolved).toBeGreaterThan(50);
    world.core.replaceRules(rulesOf(RULES));
    for (const publisher of publishers) answers(world, publisher, [Op.PUB, "a.x", 1]);
    expect(asked()).toBe(9);
  });

  test("for a call and for a publish each", () => {
    const world = new World({ rules: rulesOf(RULES) });
    const client = user(world, 1001);
    for (let id = 1; id < 10; id++) answers(world, client, [Op.REQ, id, "math.add", 1], [Op.PUB, "math.add", 1]);
    expect(world.core.stats().rulesAsked).toBe(2);
  });

  test("never where there are none", () => {
    const world = new World();
    const client = world.connect();
    expect(codes(answers(world, client, [Op.PUB, "a", 1], [Op.REQ, 1, "$sys.stats", null], [Op.SUB, 2, ">"]))).toEqual(
      [],
    );
    expect(world.core.stats()).toMatchObject({ rulesAsked: 0, denied: 0 });
  });
});

describe("a change of the rules", () => {
  const NARROW = `rules:
  - who: { uid: 1001 }
    subscribe: a.x
    publish: a.x
  - who: { uid: 1002 }
    publish: a.x
`;

  test("counts at once for what is published", () => {
    const world = new World({ rules: rulesOf(RULES) });
    const [one, other] = [user(world, 1001), user(world, 1002)];
    expect(codes(answers(world, one, [Op.PUB, "a.y", 1]))).toEqual([]);
    expect(codes(answers(world, other, [Op.PUB, "a.x", 1]))).toEqual(["not_allowed"]);
    world.core.replaceRules(rulesOf(NARROW));
    expect(codes(answers(world, one, [Op.PUB, "a.y", 1]))).toEqual(["not_allowed"]);
    expect(codes(answers(world, other, [Op.PUB, "a.x", 1]))).toEqual([]);
  });

  test("ends subscriptions, memberships and responders that are no longer permitted, and leaves the others", () => {
    const world = new World({ rules: rulesOf(RULES) });
    const [one, other] = [user(world, 1001), user(world, 1002)];
    const queue = ext1({ queue: "jobs.x", ack: true, keep: true });
    answers(
      world,
      one,
      [Op.SUB, 1, "a.>"],
      [Op.SUB, 2, "a.x"],
      [Op.SUB, 3, "a.x", queue],
      [Op.SUB, 4, "math.>", ext1({ respond: true })],
    );
    answers(world, other, [Op.SUB, 1, "a.x"]);
    answers(world, one, [Op.PUB, "a.x", "held"]);
    world.core.replaceRules(rulesOf(NARROW));
    world.run();
    const told = one.read().filter(([op]) => op === Op.ERR);
    expect(told.map(([, sid, code]) => [sid, code])).toEqual([
      [1, "not_allowed"],
      [3, "not_allowed"],
      [4, "not_allowed"],
    ]);
    expect(codes(other.read())).toEqual(["not_allowed"]);
    expect(world.core.stats()).toMatchObject({ subscriptions: 1, queues: 1, waiting: 1 });
    expect(world.imbalance).toBe(0);
    // The number is free again, and what stayed goes on.
    const came = answers(world, one, [Op.PUB, "a.x", 7], [Op.SUB, 1, "a.x"], [Op.SYNC, 9]);
    expect(codes(came)).toEqual([]);
    expect(came.filter(([op]) => op === Op.PUB)).toEqual([[Op.PUB, "a.x", 7]]);
    expect(answers(world, user(world, 1004), [Op.SYNC, 1])).toEqual([[Op.OK, 1, 0]]);
  });
});

test("who may not connect is told by whom it may be let in, and nothing else of the broker", () => {
  const world = new World({ allow: { uids: new Set([0]), gids: new Set([2000]), text: "gid:2000" } });
  const refused = world.accept({ uid: 1002, gid: 1002, pid: 9 });
  const message = "uid 1002 is not allowed; start the broker with --allow gid:2000,uid:1002";
  expect(refused.read()).toEqual([[Op.ERR, null, "not_allowed", message]]);
  expect(refused.hasEnded).toBe(true);
  answers(world, refused, [Op.HELLO, 1], [Op.PUB, "a", 1]);
  expect(world.core.stats()).toMatchObject({ clients: 0, published: 0, refusedClients: 1 });
  expect(world.accept({ uid: 5, gid: 2000, pid: 9 }).read()[0]![0]).toBe(Op.HELLO);
});

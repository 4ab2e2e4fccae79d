// Requests at the socket: whom they go to, how they end, and what they leave behind, which is nothing.

import { afterEach, beforeEach, expect, test } from "vitest";

import { Embedded, upTo } from "../support/embedded.ts";
import { type Element, ext1, valueIn } from "../support/msgpack.ts";
import { Op, type RawClient } from "../support/raw-client.ts";

const RESPOND = ext1({ respond: true });
let embedded: Embedded;

beforeEach(async () => {
  embedded = await Embedded.start();
});

afterEach(async () => {
  expect(embedded.imbalance).toBe(0);
  await embedded.closeClients();
  expect(embedded.stats).toMatchObject({ pendingRequests: 0, subscriptions: 0 });
  await embedded[Symbol.asyncDispose]();
});

async function requests(client: RawClient, count: number): Promise<Element[][]> {
  return client.take(Op.REQ, count);
}

test("a thousand in flight, answered in the order that the responder likes", async () => {
  const responder = await embedded.having([Op.SUB, 1, "r", RESPOND]);
  const caller = await embedded.connect();
  for (let id = 1; id <= 1000; id++) caller.send(Op.REQ, id, "r", id * 10);
  const asked = await requests(responder, 1000);
  expect(asked.map((each) => each[3])).toEqual(upTo(1000, 1).map((id) => id * 10));
  expect(new Set(asked.map((each) => each[1])).size).toBe(1000);
  expect(embedded.stats.pendingRequests).toBe(1000);
  for (const [, id, , payload] of asked.toReversed()) responder.send(Op.REPLY, id!, 0, payload!);
  const answers = await caller.take(Op.REPLY, 1000);
  expect(answers).toEqual(
    upTo(1000, 1)
      .toReversed()
      .map((id) => [Op.REPLY, id, 0, id * 10]),
  );
  expect(embedded.stats.pendingRequests).toBe(0);
});

test("four responders share evenly while they answer nothing, and by who is free when they do", async () => {
  const responders: RawClient[] = [];
  for (let i = 0; i < 4; i++) responders.push(await embedded.having([Op.SUB, 1, i < 2 ? "r.*" : ">", RESPOND]));
  const caller = await embedded.connect();
  for (let id = 1; id <= 40; id++) caller.send(Op.REQ, id, "r.x", id);
  await caller.sync();
  const [quick, ...others] = responders;
  const held = await requests(quick!, 10);
  for (const other of others) await requests(other, 10);
  for (const [, id] of held) quick!.send(Op.REPLY, id!, 0, null);
  await quick!.sync();
  for (let id = 41; id <= 50; id++) caller.send(Op.REQ, id, "r.x", id);
  expect((await requests(quick!, 10)).map((each) => each[3])).toEqual(upTo(10, 41));
});

test("a responder whose connection takes no more is passed over", async () => {
  const deaf = await embedded.having([Op.SUB, 1, "r", RESPOND]);
  deaf.stopReading();
  const caller = await embedded.connect();
  const large = Buffer.alloc(100_000);
  let refused = 0;
  for (let id = 1; id <= 40 && refused === 0; id++) {
    caller.send(Op.REQ, id, "r", large);
    refused = (await caller.sync()).before.filter((each) => each[0] === Op.ERR && each[2] === "unavailable").length;
  }
  expect(refused).toBe(1);
  const ready = await embedded.having([Op.SUB, 1, "r", RESPOND]);
  caller.send(Op.REQ, 100, "r", "for who is ready");
  expect((await requests(ready, 1))[0]![3]).toBe("for who is ready");
});

test("answers of every size pass through, in parts and whole", async () => {
  const responder = await embedded.having([Op.SUB, 1, "r", RESPOND]);
  const caller = await embedded.connect();
  for (const [i, bytes] of [0, 100, 2048, 2049, 70_000, 1_000_000].entries()) {
    caller.send(Op.REQ, i + 1, "r", Buffer.alloc(bytes, i));
    const [request] = await requests(responder, 1);
    expect((request![3] as Buffer).equals(Buffer.alloc(bytes, i))).toBe(true);
    responder.send(Op.REPLY, request![1]!, 1, Buffer.alloc(bytes, i + 100));
    responder.send(Op.REPLY, request![1]!, 0, Buffer.alloc(bytes, i + 200));
    const [part, last] = await caller.take(Op.REPLY, 2);
    expect(part!.slice(0, 3)).toEqual([Op.REPLY, i + 1, 1]);
    expect((part![3] as Buffer).equals(Buffer.alloc(bytes, i + 100))).toBe(true);
    expect((last![3] as Buffer).equals(Buffer.alloc(bytes, i + 200))).toBe(true);
  }
});

test("the caller goes with many under way: each is cancelled at its responder, which is free again", async () => {
  const responder = await embedded.having([Op.SUB, 1, "r", RESPOND]);
  const caller = await embedded.connect();
  for (let id = 1; id <= 1024; id++) caller.send(Op.REQ, id, "r", id);
  const asked = await requests(responder, 1024);
  caller.destroy();
  const cancelled = await responder.take(Op.CANCEL, 1024);
  expect(new Set(cancelled.map(([, id]) => id))).toEqual(new Set(asked.map(([, id]) => id)));
  for (const [, id] of asked) responder.send(Op.REPLY, id!, 0, "late");
  const next = await embedded.connect();
  next.send(Op.REQ, 1, "r", "again");
  const [again] = await requests(responder, 1);
  responder.send(Op.REPLY, again![1]!, 0, "yes");
  expect(await next.next()).toEqual([Op.REPLY, 1, 0, "yes"]);
});

test("the responder goes with many under way: each caller is told at once", async () => {
  const responder = await embedded.having([Op.SUB, 1, "r", RESPOND]);
  const callers = [await embedded.connect(), await embedded.connect()];
  for (const caller of callers) for (let id = 1; id <= 100; id++) caller.send(Op.REQ, id, "r", id, null, 60_000);
  await requests(responder, 200);
  responder.destroy();
  for (const caller of callers) {
    const came = await caller.take(Op.ERR, 100);
    expect(came.map((each) => each.slice(0, 3))).toEqual(upTo(100, 1).map((id) => [Op.ERR, id, "responder_gone"]));
  }
});

test("time-outs come in their order, each part of an answer begins one anew, and a late answer is nobody's", async () => {
  const responder = await embedded.having([Op.SUB, 1, "r", RESPOND]);
  const caller = await embedded.connect();
  caller.send(Op.REQ, 1, "r", 1, null, 90);
  caller.send(Op.REQ, 2, "r", 2, null, 30);
  caller.send(Op.REQ, 3, "r", 3, null, 60);
  caller.send(Op.REQ, 4, "r", 4, null, 0);
  const asked = await requests(responder, 4);
  const ended = await caller.take(Op.ERR, 3);
  expect(ended.map(([, id, code]) => [id, code])).toEqual([
    [2, "timeout"],
    [3, "timeout"],
    [1, "timeout"],
  ]);
  expect((await responder.take(Op.CANCEL, 3)).map(([, id]) => id)).toEqual([1, 2, 0].map((i) => asked[i]![1]));
  expect(embedded.stats.pendingRequests).toBe(1);
  for (const [, id] of asked) responder.send(Op.REPLY, id!, 0, "late");
  expect(await caller.next()).toEqual([Op.REPLY, 4, 0, "late"]);
  expect(await caller.ping()).toEqual([]);
});

test("a cancelled id that is cancelled again, answered, or never heard of, changes nothing", async () => {
  const responder = await embedded.having([Op.SUB, 1, "r", RESPOND]);
  const caller = await embedded.connect();
  for (let id = 1; id <= 5000; id++) {
    caller.send(Op.REQ, id, "r", null);
    caller.send(Op.CANCEL, id);
    caller.send(Op.CANCEL, id);
  }
  await caller.sync();
  expect(embedded.stats.pendingRequests).toBe(0);
  await responder.take(Op.CANCEL, 5000);
  for (let id = 1; id <= 5000; id++) caller.send(Op.REQ, id, "$sys.ping", null);
  expect(await caller.take(Op.REPLY, 5000)).toHaveLength(5000);
});

test("requests to the broker and to responders count in no delivery", async () => {
  await embedded.having([Op.SUB, 1, "r", RESPOND]);
  const caller = await embedded.connect();
  caller.send(Op.REQ, 1, "r", null);
  caller.send(Op.REQ, 2, "$sys.ping", null);
  expect((await caller.sync()).count).toBe(0);
  expect(embedded.stats.accepted).toBe(0);
});

test("a responder that said BYE answers the last of what it has, and then breaks the rules: it is counted out once", async () => {
  const responder = await embedded.having([Op.SUB, 1, "r", RESPOND]);
  const caller = await embedded.connect();
  caller.send(Op.REQ, 1, "r", null);
  await requests(responder, 1);
  responder.send(Op.BYE);
  await responder.sync();
  responder.write(Buffer.of(0xc1));
  await responder.closed();
  expect(responder.pending().at(-1)!.slice(0, 3)).toEqual([Op.ERR, null, "bad_frame"]);
  expect((await caller.next()).slice(0, 3)).toEqual([Op.ERR, 1, "responder_gone"]);
  expect(embedded.stats.clients).toBe(1);
});

test("$sys.wait is asked by many for one topic, and each is answered once", async () => {
  const callers: RawClient[] = [];
  for (let i = 0; i < 50; i++) {
    const caller = await embedded.connect();
    caller.send(Op.REQ, 1, "$sys.wait", ext1({ topic: "soon.here" }));
    callers.push(caller);
  }
  for (const caller of callers) await caller.sync();
  callers.pop()!.destroy();
  const late = await embedded.having([Op.SUB, 1, "soon.*"]);
  for (const caller of callers) {
    const [op, id, status, payload] = await caller.next();
    expect([op, id, status]).toEqual([Op.REPLY, 1, 0]);
    expect(valueIn(payload)).toMatchObject({ subscriptions: 1, queues: 0, responders: 0 });
  }
  late.destroy();
});

// Whole sessions of hostile clients against the real core over simulated connections: frames by grammar and recorded sessions that were
// changed, from clients that stop reading, go, or say nothing, while time passes and a disk works or fails. Whatever they do, the
// books balance, nothing is left of them once they have gone, and what the broker writes is well-formed.

import { expect, test } from "vitest";

import { check } from "../../broker/core/sys/check.ts";
import { campaign, smallerBytes } from "../support/fuzz/campaign.ts";
import { Grammar } from "../support/fuzz/grammar.ts";
import { mutate } from "../support/fuzz/mutate.ts";
import type { Random } from "../support/random.ts";
import { recordedSessions } from "../support/fuzz/recorded.ts";
import { frame } from "../support/msgpack.ts";
import { SimulatedStore } from "../support/simulated-store.ts";
import { type SimulatedClient, World } from "../support/simulated.ts";

type Act = "send" | "leave" | "stop" | "read" | "some" | "wait" | "disk" | "fail";

interface Step {
  readonly act: Act;
  /** Which client, or how long to wait. */
  readonly who: number;
  readonly bytes: string;
}

const CLIENTS = 4;
const MIB = 1024 * 1024;
/** Small, so that sessions meet them. */
const LIMITS = {
  maxFrame: 16 * 1024,
  maxSubscriptions: 30,
  maxRetained: 10,
  headroom: 2048,
  stallMs: 1000,
  memoryLimit: MIB,
};
/** What may stay when everybody has gone: retained values, what kept queues hold, and a chunk for each. */
const MAX_LEFT_BYTES: number = 8 * MIB;
/** A durable queue outlives its world by its store alone. */
const ACTS: readonly Act[] = ["leave", "stop", "stop", "read", "read", "some", "wait", "wait", "disk", "disk", "fail"];

const hello = frame(0, 1).toString("hex");

function recorded(): Step[][] {
  return recordedSessions().map(({ sent }) =>
    sent.map(({ client, bytes }) => ({
      act: bytes === undefined ? "leave" : "send",
      who: client % CLIENTS,
      bytes: bytes?.toString("hex") ?? "",
    })),
  );
}

/** A session of its own: everybody says hello, and then whatever comes. */
function fresh(random: Random): Step[] {
  const grammar = new Grammar(random);
  const steps: Step[] = [];
  const clients = 1 + random.below(CLIENTS);
  for (let who = 0; who < clients; who++) if (!random.once(15)) steps.push({ act: "send", who, bytes: hello });
  for (let left = 2 + random.small(30); left > 0; left--) {
    if (random.once(5)) steps.push(act(random));
    else {
      const frames = Array.from({ length: 1 + random.small(5) }, () => grammar.frame("client"));
      steps.push({ act: "send", who: random.below(clients), bytes: Buffer.concat(frames).toString("hex") });
    }
  }
  return steps;
}

function act(random: Random): Step {
  const kind = random.pick(ACTS);
  return {
    act: kind,
    who: kind === "wait" ? random.pick([0, 1, 100, 1000, 6000, 40_000]) : random.below(CLIENTS),
    bytes: "",
  };
}

/** A session from the corpus, with steps changed, added, left out, repeated, or taken from another. */
function changed(random: Random, corpus: readonly Step[][]): Step[] {
  const steps = [...random.pick(corpus)];
  const others = random.pick(corpus);
  for (let left = 1 + random.small(6); left > 0; left--) {
    const at = random.below(steps.length + 1);
    const step = steps[at];
    switch (random.below(6)) {
      case 0:
        steps.splice(at, 0, act(random));
        break;
      case 1:
        steps.splice(at, 0, {
          act: "send",
          who: random.below(CLIENTS),
          bytes: new Grammar(random).frame("client").toString("hex"),
        });
        break;
      case 2:
        if (steps.length > 1) steps.splice(at, 1 + random.small(3));
        break;
      case 3:
        if (others.length > 0) steps.splice(at, 0, random.pick(others));
        break;
      case 4:
        if (step !== undefined && steps.length < 60) steps.splice(at, 0, step);
        break;
      default:
        if (step?.act !== "send") break;
        steps[at] = { ...step, bytes: mutate(random, Buffer.from(step.bytes, "hex"), []).toString("hex") };
    }
  }
  return steps.slice(0, 80);
}

/** Sends `bytes` as one piece or as several, as sockets do. */
function send(client: SimulatedClient, bytes: Buffer, random: Random): void {
  if (random.once(4) && bytes.length > 1) {
    const cut = 1 + random.below(bytes.length - 1);
    client.write(bytes.subarray(0, cut));
    client.write(bytes.subarray(cut));
  } else client.write(bytes);
}

function play(steps: readonly Step[], random: Random): void {
  const store = random.once(2) ? new SimulatedStore() : undefined;
  const world = new World(LIMITS, store);
  const clients = Array.from({ length: CLIENTS }, () => world.accept());
  for (const { act, who, bytes } of steps) {
    const client = clients[who % CLIENTS]!;
    if (act === "send") send(client, Buffer.from(bytes, "hex"), random);
    else if (act === "leave") client.leave();
    else if (act === "stop") client.isReading = false;
    else if (act === "some") client.takeSome(1 + random.below(200));
    else if (act === "wait") world.advance(who);
    else if (act === "disk") store?.complete();
    else if (act === "fail") store?.fail(random.once(2));
    else {
      client.isReading = true;
      client.take();
    }
    if (!random.once(3)) world.run();
  }
  world.run();
  examine(world);
  for (const client of clients) {
    client.isReading = true;
    client.take();
  }
  for (let i = 0; i < 3; i++) {
    world.run();
    store?.complete();
    world.advance(50);
  }
  if (random.once(4)) for (const client of clients) client.read();
  for (const client of clients) client.leave();
  world.advance(60_000);
  store?.complete();
  world.run();
  examine(world);
  const { peers, subscriptions, chunks } = world.core;
  if (peers.size > 0 || subscriptions > 0)
    throw new Error(`${peers.size} peers and ${subscriptions} subscriptions stay`);
  if (chunks.heldBytes > MAX_LEFT_BYTES) throw new Error(`${chunks.heldBytes} bytes are held for nobody`);
}

/** A client that does not read when its stream has ended lets go within the time that an ERR is given. */
function examine(world: World): void {
  const bug = world.errors.find(({ message }) => String(message).includes("could not be handled"));
  if (bug !== undefined) {
    const { error, message } = bug;
    throw new Error(`${String(message)}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  if (world.imbalance !== 0) throw new Error(`the books are off by ${world.imbalance}`);
  const { ok, problems } = check(world.core);
  if (!ok) throw new Error(problems.join("; "));
}

test("sessions of hostile clients leave the books balanced, and nothing behind", async () => {
  const count = await campaign<Step[]>({
    name: "broker",
    inputs: 150_000,
    seeds: recorded(),
    files: ["/broker/core/", "/shared/"],
    make: (random, corpus) => (random.once(3) ? fresh(random) : changed(random, corpus)),
    run: play,
    *smaller(steps) {
      for (let size = steps.length >> 1; size >= 1; size >>= 1) {
        for (let at = 0; at + size <= steps.length; at += size)
          yield [...steps.slice(0, at), ...steps.slice(at + size)];
      }
      for (const [at, step] of steps.entries()) {
        if (step.act !== "send") continue;
        for (const bytes of smallerBytes(Buffer.from(step.bytes, "hex"))) {
          yield [...steps.slice(0, at), { ...step, bytes: bytes.toString("hex") }, ...steps.slice(at + 1)];
        }
      }
    },
    toJson: (steps) => steps,
    fromJson: (json) => json as Step[],
  });
  expect(count).toBeGreaterThan(0);
});

// A hostile broker against the client: its greeting, its answers and its deliveries, by grammar and from recorded ones that were changed.
// Nothing but errors of podbus comes of it; what handlers are given is safe; what the client answers is well-formed, and no more
// than goes with what it was sent; and it closes when its owner says so.

import { expect, test } from "vitest";

import { Bus } from "../../client/bus.ts";
import type { Core } from "../../client/core.ts";
import type { Message } from "../../client/index.ts";
import { PodbusError } from "../../shared/errors.ts";
import { coreOf, FakeEnv, settle } from "../support/fake-env.ts";
import { campaign, smallerBytes } from "../support/fuzz/campaign.ts";
import { checkDecoded, checkPrototypes } from "../support/fuzz/decoded.ts";
import { Grammar } from "../support/fuzz/grammar.ts";
import { mutate } from "../support/fuzz/mutate.ts";
import type { Random } from "../support/random.ts";
import { recordedSessions } from "../support/fuzz/recorded.ts";
import { ext1, frame } from "../support/msgpack.ts";

/** What a broker says, piece by piece; an empty piece is a second of silence. */
type Said = readonly Buffer[];

const GREETING = { broker: "b-1", auth: "none", maxFrame: 65_536, heartbeatMs: 1000, stallMs: 4000, client: 7 };
const opening: Said = [frame(0, 1, ext1(GREETING)), frame(5, 0)];
/** Bytes that the client may write for each that it was sent, beyond what it writes by itself. */
const MAX_ANSWER_FACTOR = 64;
const OWN_BYTES: number = 64 * 1024;
/** Timers that a client may have: for its heartbeat, requests, holds and pauses. */
const MAX_TIMERS = 64;

function recorded(): Said[] {
  // The opening of a recorded session is the conformance client's: its own greeting, and OK 0.
  return recordedSessions().flatMap(({ came }) =>
    came.filter(({ length }) => length > 0 && length < 8192).map((all) => [all]),
  );
}

function make(random: Random, corpus: readonly Said[]): Said {
  if (random.once(3)) return mutated(random, random.pick(corpus), corpus);
  const grammar = new Grammar(random);
  const said = random.once(8) ? [] : [...opening];
  for (let left = 1 + random.small(12); left > 0; left--) {
    if (random.once(12)) said.push(Buffer.alloc(0));
    else said.push(Buffer.concat(Array.from({ length: 1 + random.small(6) }, () => grammar.frame("broker"))));
  }
  return said;
}

function mutated(random: Random, from: Said, corpus: readonly Said[]): Said {
  const said = [...from];
  const at = random.below(said.length);
  if (random.once(4)) said.splice(at, 0, random.pick(random.pick(corpus)));
  else said[at] = mutate(random, said[at]!, random.pick(corpus));
  return said.slice(0, 30);
}

/** Whatever a handler may do with a message. */
function touch(message: Pick<Message, "topic" | "bytes" | "data" | "headers">): unknown {
  const { topic, bytes, headers } = message;
  if (topic.length > 65_536) throw new Error("a topic longer than a frame");
  checkDecoded(headers, 65_536);
  try {
    const { data } = message;
    checkDecoded(data, bytes.length + 1);
    return data;
  } catch (error) {
    if (error instanceof PodbusError) return undefined;
    throw error;
  }
}

/** Uses everything that a client has. What a hostile broker makes of it is an error, or never comes. */
function use(core: Core, problems: unknown[]): Bus {
  const bus = new Bus(core);
  const quiet = (promise: PromiseLike<unknown> | void): void => {
    if (promise !== undefined) void Promise.resolve(promise).catch(() => {});
  };
  const careful =
    <Given extends Parameters<typeof touch>[0]>(then: (message: Given) => unknown) =>
    (message: Given): unknown => {
      try {
        touch(message);
      } catch (error) {
        problems.push(error);
      }
      return then(message);
    };
  bus.on("error", () => {});
  bus.subscribe(
    "a",
    careful(() => {}),
  );
  bus.subscribe(
    "a.>",
    { queue: "q1", ack: true },
    careful((message: Message) => message.working()),
  );
  bus.subscribe(
    "t.*",
    { queue: "q2", ack: true, concurrency: 4 },
    careful(async () => settle(1)),
  );
  bus.subscribe(
    "*",
    { overflow: "drop-oldest" },
    careful(async () => {}),
  );
  bus.respond("r.echo", (request) => {
    try {
      return touch(request);
    } catch (error) {
      problems.push(error);
      return null;
    }
  });
  quiet(bus.publish("a.b", { id: 1 }));
  quiet(bus.publish("t", Buffer.alloc(100), { confirm: true }));
  quiet(bus.request("r.echo", "x", { timeoutMs: 5000 }));
  quiet(iterate(bus, problems));
  quiet(bus.flush());
  return bus;
}

async function iterate(bus: Bus, problems: unknown[]): Promise<void> {
  for await (const reply of bus.requestMany("r.many", null, { timeoutMs: 0 })) {
    try {
      checkDecoded(reply, 65_536);
    } catch (error) {
      problems.push(error);
    }
  }
}

async function play(said: Said): Promise<void> {
  const env = new FakeEnv();
  const core = coreOf(env, { connectTimeoutMs: 3_600_000 });
  const connecting = core.connect(undefined).catch((error: unknown) => {
    if (!(error instanceof PodbusError)) throw error;
  });
  const problems: unknown[] = [];
  const bus = use(core, problems);
  await settle(1);
  let bytes = 0;
  for (const piece of said) {
    if (piece.length === 0) await env.pass(1000);
    else if (!env.broker.isDestroyed) env.broker.sayBytes(piece);
    bytes += piece.length;
    await settle(1);
    if (env.timers > MAX_TIMERS) throw new Error(`${env.timers} timers run`);
  }
  let answered = 0;
  for (const broker of env.brokers) {
    answered += broker.writes.reduce((sum, length) => sum + length, 0);
    broker.frames(); // throws where they are not well-formed
  }
  if (answered > OWN_BYTES + bytes * MAX_ANSWER_FACTOR) throw new Error(`${answered} bytes answer ${bytes}`);
  const closing = bus.close();
  await env.pass(2000);
  await closing;
  await connecting;
  if (problems.length > 0) throw problems[0];
}

test("whatever a broker says, the client gives its owner errors, and nothing else happens", async () => {
  const count = await campaign<Said>({
    name: "client",
    inputs: 60_000,
    seeds: recorded(),
    files: ["/client/", "/shared/"],
    make,
    run: play,
    *smaller(said) {
      for (const [at, piece] of said.entries()) {
        yield [...said.slice(0, at), ...said.slice(at + 1)];
        for (const bytes of smallerBytes(piece)) yield [...said.slice(0, at), bytes, ...said.slice(at + 1)];
      }
    },
    toJson: (said) => said.map((piece) => piece.toString("hex")),
    fromJson: (json) => (json as string[]).map((hex) => Buffer.from(hex, "hex")),
  });
  checkPrototypes();
  expect(count).toBeGreaterThan(0);
});

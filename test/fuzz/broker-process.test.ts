// Hostile sessions against a real broker process over real sockets, many at a time. It answers, or closes, and nothing else: a pair of
// others sees every message, memory stays bounded, and its books balance when all have gone.

import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { parseAddress } from "../../shared/address.ts";
import { connectSocket } from "../../shared/os/connect.ts";
import { upTo } from "../support/embedded.ts";
import { Grammar } from "../support/fuzz/grammar.ts";
import { mutate } from "../support/fuzz/mutate.ts";
import { Random } from "../support/random.ts";
import { recordedSessions } from "../support/fuzz/recorded.ts";
import { frame } from "../support/msgpack.ts";
import { runCli, startBroker } from "../support/processes.ts";
import { Op, RawClient } from "../support/raw-client.ts";

const SEED = Number(process.env["PODBUS_FUZZ_SEED"] ?? 1);
const SESSIONS: number = Math.ceil(3000 * Number(process.env["PODBUS_FUZZ_SCALE"] ?? 1));
const AT_ONCE = 16;
const MIB = 1024 * 1024;
const MEMORY_LIMIT: number = 32 * MIB;

test("thousands of hostile sessions: the broker answers others throughout, and holds no more at the end", async () => {
  // Few may be refused lately before others wait, so the sessions open: what comes first is a HELLO, and then whatever comes.
  await using broker = await startBroker({ args: ["--memory-limit", String(MEMORY_LIMIT)] });
  const address = parseAddress(broker.address);
  const recorded = recordedSessions().flatMap(({ sent }) =>
    sent.flatMap(({ bytes }) => (bytes === undefined ? [] : [bytes])),
  );
  const hello = frame(Op.HELLO, 1);

  const session = async (index: number): Promise<void> => {
    const random = Random.of(SEED, index);
    const grammar = new Grammar(random);
    const socket = await connectSocket(address);
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {});
    if (random.once(4)) socket.pause();
    else socket.resume();
    socket.write(hello);
    for (let left = 1 + random.small(20); left > 0 && !socket.destroyed; left--) {
      const bytes = random.once(2) ? grammar.frame("client") : mutate(random, random.pick(recorded), recorded);
      socket.write(bytes);
      if (random.once(4)) await new Promise((resolve) => setImmediate(resolve));
    }
    if (random.once(3)) socket.destroy();
    else socket.end();
    socket.resume();
    // One that is left waiting, for a request or an acknowledgement, is ended by its own side.
    const patience = setTimeout(() => socket.destroy(), 50);
    await closed;
    clearTimeout(patience);
  };

  const subscriber = await RawClient.connect(broker.address);
  subscriber.send(Op.SUB, 1, "pair.of.others.that.nobody.else.publishes.to");
  await subscriber.sync();
  const publisher = await RawClient.connect(broker.address);
  let next = 0;
  let exchanged = 0;
  const workers = upTo(AT_ONCE).map(async () => {
    while (next < SESSIONS) await session(next++);
  });
  const work = Promise.all(workers);
  const over = new AbortController();
  void work.finally(() => over.abort());
  while (!over.signal.aborted) {
    publisher.send(Op.PUB, "pair.of.others.that.nobody.else.publishes.to", exchanged);
    const [came] = await subscriber.take(Op.PUB, 1);
    expect(came![2]).toBe(exchanged++);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await work;
  expect(exchanged).toBeGreaterThan(50);

  const checked = await runCli(["stats", "--check", "--address", broker.address]);
  expect({ code: checked.code, stderr: checked.stderr }).toEqual({ code: 0, stderr: "" });
  const most = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${broker.pid}/status`, "utf8"))![1];
  expect(Number(most) * 1024).toBeLessThan(MEMORY_LIMIT + 160 * MIB);
  publisher.destroy();
  subscriber.destroy();
  const { code, stdout } = await broker.stop();
  expect({ code, errors: stdout.split("\n").filter((line) => line.includes("could not be handled")) }).toEqual({
    code: 0,
    errors: [],
  });
});

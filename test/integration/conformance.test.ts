// Runs the vectors of test/conformance against the broker over a real socket, and their frames through the codec.

import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { createBroker, type BrokerOptions, type ListeningBroker } from "../../broker/index.ts";
import { Frame, Scan, scanFrame } from "../../shared/codec/scan.ts";
import { prove, secretOf } from "../../shared/proof.ts";
import {
  bytesOf,
  elementProblem,
  frameProblem,
  hasBytes,
  type Json,
  Memory,
  toElements,
} from "../support/conformance.ts";
import { Folder } from "../support/folder.ts";
import { decodeFirst, type Element, frame } from "../support/msgpack.ts";
import { Op, RawClient, show } from "../support/raw-client.ts";

interface Vector {
  name: string;
  bytes: string;
  means: Json[];
}

interface BadVector {
  name: string;
  bytes: string;
  code: string;
  first?: boolean;
}

interface Step {
  on?: string;
  connect?: string;
  send?: Json[] | Json[][];
  bytes?: string;
  requests?: number;
  topic?: string;
  expect?: Json[] | Json[][];
  anyOrder?: boolean;
  skip?: number[];
  bytesExpected?: string;
  sync?: number;
  silent?: true;
  close?: true;
  closed?: true;
  broker?: "close";
}

interface Session {
  name: string;
  broker?: BrokerOptions & { secrets?: Record<string, string> };
  steps: Step[];
}

function load<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../conformance/${file}.json`, import.meta.url), "utf8")) as T;
}

const { valid, invalid } = load<{ valid: Vector[]; invalid: BadVector[] }>("frames");

describe("frames", () => {
  test.each(valid)("$name", ({ bytes, means }) => {
    const buf = bytesOf(bytes);
    const came = decodeFirst(buf)!;
    expect(came.bytes.length).toBe(buf.length);
    expect(came.elements).toHaveLength(means.length);
    for (const [i, element] of means.entries()) expect(elementProblem(element, came.elements[i]!)).toBeUndefined();
    const scanned = new Frame();
    expect(scanFrame(buf, 0, buf.length, buf.length, scanned)).toBe(Scan.FRAME);
    expect([scanned.op, scanned.count, scanned.end]).toEqual([means[0], means.length, buf.length]);
    // Whatever the encoding, it says the same as the shortest one.
    const shortest = decodeFirst(frame(...toElements(means)))!;
    for (const [i, element] of means.entries()) expect(elementProblem(element, shortest.elements[i]!)).toBeUndefined();
  });

  test("every valid one is passed on byte for byte", async () => {
    await using broker = await createBroker({ address: "@" }).listen();
    await using subscriber = await RawClient.connect(broker.address);
    await using publisher = await RawClient.connect(broker.address);
    subscriber.send(Op.SUB, 1, ">");
    await subscriber.sync();
    for (const { bytes } of valid) publisher.write(bytesOf(bytes));
    expect((await publisher.sync()).count).toBe(valid.length);
    expect(await subscriber.next()).toEqual([Op.FOR, 1]);
    for (const { name, bytes } of valid) expect(hasBytes(await subscriber.nextFrame(), bytes), name).toBe(true);
  });

  test.each(invalid)("$code: $name", async ({ bytes, code, first = false }) => {
    await using broker = await createBroker({ address: "@" }).listen();
    await using client = await RawClient.connect(broker.address, { hello: first ? false : "" });
    if (first) expect((await client.next())[0]).toBe(Op.HELLO);
    client.write(bytesOf(bytes));
    const [op, ref, came, message, ...more] = await client.next();
    expect([op, ref, came, more]).toEqual([Op.ERR, null, code, []]);
    expect(message).toMatch(/\S/);
    await client.closed();
  });
});

const proofs = load<{
  vectors: {
    secret: string;
    brokerNonce: string;
    clientNonce: string;
    address: string;
    client: string;
    broker: string;
  }[];
}>("proofs");

test.each(proofs.vectors)(
  "the proofs with $secret at $address",
  ({ secret, brokerNonce, clientNonce, address, client, broker }) => {
    const challenge = { brokerNonce: bytesOf(brokerNonce), clientNonce: bytesOf(clientNonce), address };
    expect(prove("client", secretOf(bytesOf(secret)), challenge).toString("hex")).toBe(client);
    expect(prove("broker", secretOf(bytesOf(secret)), challenge).toString("hex")).toBe(broker);
  },
);

describe.each([
  "opening",
  "secrets",
  "publish",
  "retain",
  "subscribe",
  "queues",
  "requests",
  "flow",
  "closing",
  "system",
])("%s", (file) => {
  test.each(load<{ sessions: Session[] }>(file).sessions)("$name", async ({ broker: options = {}, steps }) => {
    const { secrets, ...others } = options;
    using folder = new Folder(secrets);
    const secretFile = secrets && { secretFile: folder.path };
    const broker = await createBroker({ address: "@", ...others, ...secretFile }).listen();
    const run = new Run(broker);
    try {
      for (const [i, step] of steps.entries()) await run.step(step, `step ${i}, ${JSON.stringify(step)}`);
      const { accepted, settled, inFlight, waiting, dropped, expired, dead } = broker.stats();
      expect(accepted).toBe(settled + inFlight + waiting + dropped + expired + dead);
    } finally {
      await run.end();
      await broker.close({ graceMs: 0 });
    }
  });
});

class Run {
  readonly #broker: ListeningBroker;
  readonly #memory = new Memory();
  readonly #clients = new Map<string, RawClient>();

  constructor(broker: ListeningBroker) {
    this.#broker = broker;
    this.#memory.address = broker.address;
  }

  async step(step: Step, what: string): Promise<void> {
    if (step.broker === "close") {
      void this.#broker.close();
      return;
    }
    const client = await this.#client(step.on!, step.connect);
    if (step.send !== undefined) for (const each of many(step.send)) client.send(...toElements(each, this.#memory));
    if (step.bytes !== undefined) client.write(bytesOf(step.bytes));
    if (step.requests !== undefined) {
      for (let id = 1; id <= step.requests; id++) client.send(Op.REQ, id, step.topic!, null);
    }
    if (step.sync !== undefined) {
      const { before, count } = await client.sync();
      expect(
        before.map((each) => show(each)),
        what,
      ).toEqual([]);
      expect(count, what).toBe(step.sync);
    }
    if (step.silent === true) {
      expect(
        (await client.ping()).map((each) => show(each)),
        what,
      ).toEqual([]);
    }
    if (step.expect !== undefined) await this.#expect(client, step, what);
    if (step.bytesExpected !== undefined)
      expect(hasBytes(await client.nextFrame(), step.bytesExpected), what).toBe(true);
    if (step.close === true) client.destroy();
    if (step.closed === true) {
      await client.closed();
      expect(client.pending(), what).toEqual([]);
    }
  }

  async end(): Promise<void> {
    for (const client of this.#clients.values()) await client[Symbol.asyncDispose]();
  }

  async #expect(client: RawClient, { expect: wanted, anyOrder = false, skip = [] }: Step, what: string): Promise<void> {
    let open = many(wanted!);
    while (open.length > 0) {
      let came: Element[];
      do came = await client.next().catch((error: unknown) => Promise.reject(new Error(what, { cause: error })));
      while (skip.includes(came[0] as number));
      const index = anyOrder ? open.findIndex((each) => frameProblem(each, came, this.#memory) === undefined) : 0;
      const problem = index < 0 ? "none of those expected" : frameProblem(open[index]!, came, this.#memory);
      if (problem !== undefined) throw new Error(`${what}: ${problem}; it was ${show(came)}`);
      open = open.filter((_each, i) => i !== index);
    }
  }

  async #client(name: string, connect: string | undefined): Promise<RawClient> {
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const client = await RawClient.connect(this.#broker.address, {
      hello: connect === "raw" ? false : (connect ?? ""),
    });
    this.#clients.set(name, client);
    this.#memory.clients.set(name, client.greeting.client);
    return client;
  }
}

/** One frame, or a list of them, as a list. */
function many(frames: Json[] | Json[][]): Json[][] {
  return Array.isArray(frames[0]) ? (frames as Json[][]) : [frames as Json[]];
}

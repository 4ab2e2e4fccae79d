import { describe, expect, test } from "vitest";

import type { Message } from "../../../../client/index.ts";
import { type FakeBus, openBus, settle } from "../../../support/fake-env.ts";
import { type Elements, ext1 } from "../../../support/msgpack.ts";
import { Op } from "../../../support/raw-client.ts";

/** A member of a partitioned queue whose handlers end when the test says so. */
class Worker {
  readonly begun: string[] = [];
  readonly ends = new Map<string, (error?: Error) => void>();
  fake!: FakeBus;
  sid = 0;
  seq = 1;

  static async start(concurrency: number, ack = true): Promise<Worker> {
    const worker = new Worker();
    worker.fake = await openBus();
    worker.fake.bus.on("error", () => {});
    const options = { queue: "q", partitionBy: "key", concurrency, ...(ack && { ack, ackTimeoutMs: 1500 }) } as const;
    worker.sub = worker.fake.bus.subscribe("t", options, (message) => worker.#handle(message));
    await import("p-queue");
    await settle();
    const [sub] = await worker.fake.broker.came();
    worker.sid = sub![1] as number;
    return worker;
  }

  sub!: ReturnType<FakeBus["bus"]["subscribe"]>;

  /** Payloads whose first letter is their key; those that begin with "-" have none. */
  async come(...payloads: string[]): Promise<void> {
    const pubs = payloads.map((payload): Elements =>
      payload.startsWith("-") ? [Op.PUB, "t", payload] : [Op.PUB, "t", payload, ext1({ key: payload[0]! })],
    );
    this.fake.broker.sayAll([Op.FOR, this.sid, this.seq], ...pubs);
    this.seq += payloads.length;
    await settle();
  }

  async end(payload: string, error?: Error): Promise<void> {
    this.ends.get(payload)!(error);
    await settle();
  }

  #handle(message: Message): Promise<void> {
    const payload = message.data as string;
    this.begun.push(payload);
    return new Promise((resolve, reject) => {
      this.ends.set(payload, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }
}

describe("what has one key is handled in order, whatever the concurrency", () => {
  test("other keys, and what has none, go on beside it", async () => {
    const worker = await Worker.start(3);
    await worker.come("a1", "a2", "b1", "a3", "-1", "b2");
    expect(worker.begun).toEqual(["a1", "b1", "-1"]);
    await worker.end("a1");
    expect(worker.begun).toEqual(["a1", "b1", "-1", "a2"]);
    await worker.end("a2", new Error("a failure goes on with the next as well"));
    await worker.end("b1");
    expect(worker.begun).toEqual(["a1", "b1", "-1", "a2", "a3", "b2"]);
    await worker.end("a3");
    await worker.end("b2");
    await worker.come("a4", "b3");
    expect(worker.begun.slice(-2)).toEqual(["a4", "b3"]);
  });

  test("those that wait take no place", async () => {
    const worker = await Worker.start(2);
    await worker.come("a1", "a2", "a3", "b1", "c1");
    expect(worker.begun).toEqual(["a1", "b1"]);
    await worker.end("b1");
    expect(worker.begun).toEqual(["a1", "b1", "c1"]);
    await worker.end("c1");
    await worker.end("a1");
    expect(worker.begun.at(-1)).toBe("a2");
  });

  test("drain gives back what waits, and waits for what is worked on", async () => {
    const worker = await Worker.start(2);
    await worker.come("a1", "a2", "a3", "b1", "b2");
    let isDrained = false;
    const drained = worker.sub.drain().then(() => (isDrained = true));
    const frames = await worker.fake.broker.confirm();
    const back = frames.filter(([op, , , , verdict]) => op === Op.ACK && verdict === 1);
    expect(back.map(([, , first, last]) => [first, last])).toEqual([
      [2, 3],
      [5, 5],
    ]);
    await worker.end("a1");
    expect(isDrained).toBe(false);
    await worker.end("b1");
    await drained;
    expect(worker.begun).toEqual(["a1", "b1"]);
    expect(await worker.sub.closed).toBeUndefined();
    await worker.fake.env.pass(900);
    const acks = worker.fake.broker.frames().filter(([op]) => op === Op.ACK);
    expect(acks.map(([, , first, , verdict]) => [first, verdict])).toEqual([
      [1, 0],
      [4, 0],
    ]);
  });

  test("where nothing is acknowledged, drain handles all that had come", async () => {
    const worker = await Worker.start(2, false);
    await worker.come("a1", "a2", "b1", "a3");
    const drained = worker.sub.drain();
    await worker.fake.broker.confirm();
    for (const payload of ["b1", "a1", "a2", "a3"]) await worker.end(payload);
    await drained;
    expect(worker.begun).toEqual(["a1", "b1", "a2", "a3"]);
  });

  test("the broker is told that what waits is worked on", async () => {
    const worker = await Worker.start(2);
    await worker.come("a1", "a2");
    await worker.fake.env.pass(600);
    const working = worker.fake.broker.frames().filter(([op, , , , verdict]) => op === Op.ACK && verdict === 3);
    expect(working.map(([, , first]) => first)).toEqual([1, 2]);
  });
});

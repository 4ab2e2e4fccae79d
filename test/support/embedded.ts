// A broker in the test's own process, with the raw clients that a test opens to it, and what every test asks of both: that the
// books balance, and that somebody else's messages go on meanwhile.

import { type BrokerOptions, createBroker, type ListeningBroker, type Stats } from "../../broker/index.ts";
import { type Elements, frame } from "./msgpack.ts";
import { Op, RawClient, type RawOptions } from "./raw-client.ts";

const PATIENCE_MS = 15_000;

export class Embedded implements AsyncDisposable {
  readonly broker: ListeningBroker;
  readonly #clients: RawClient[] = [];

  private constructor(broker: ListeningBroker) {
    this.broker = broker;
  }

  static async start(options: BrokerOptions = {}): Promise<Embedded> {
    return new Embedded(await createBroker({ address: "@", ...options }).listen());
  }

  get stats(): Stats {
    return this.broker.stats();
  }

  async connect(options?: RawOptions): Promise<RawClient> {
    const client = await RawClient.connect(this.broker.address, options);
    this.#clients.push(client);
    return client;
  }

  /** A client that has sent these frames, and knows that they were acted upon. */
  async having(...sent: Elements[]): Promise<RawClient> {
    const client = await this.connect();
    for (const each of sent) client.send(...each);
    await client.sync();
    return client;
  }

  /** Resolves once `done` says so of the broker's numbers. */
  async until(done: (stats: Stats) => boolean): Promise<void> {
    await eventually(
      () => done(this.stats),
      () => JSON.stringify(this.stats),
    );
  }

  /** accepted - (settled + inFlight + waiting + dropped + expired + dead): 0 at any moment. */
  get imbalance(): number {
    const { accepted, settled, inFlight, waiting, dropped, expired, dead } = this.stats;
    return accepted - (settled + inFlight + waiting + dropped + expired + dead);
  }

  /** Closes all clients but the first `kept`. */
  async closeClients(kept = 0): Promise<void> {
    for (const client of this.#clients.splice(kept)) await client[Symbol.asyncDispose]();
    await this.until(({ clients }) => clients === kept);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
    await this.broker.close({ graceMs: 0 });
  }
}

/** Asks again every few milliseconds until `done`. */
export async function eventually(done: () => boolean | Promise<boolean>, story: () => string): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !(await done());) {
    if (Date.now() > deadline) throw new Error(`what the test waits for did not come: ${story()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A pair of clients that exchange messages all the time, each when the one before has arrived. */
export class Witness {
  readonly #loop: Promise<void>;
  #isOver = false;
  /** Messages that arrived, in order. */
  exchanged = 0;

  private constructor(publisher: RawClient, subscriber: RawClient) {
    this.#loop = this.#exchange(publisher, subscriber);
    this.#loop.catch(() => {}); // told by stop()
  }

  static async start(embedded: Embedded): Promise<Witness> {
    const subscriber = await embedded.having([Op.SUB, 1, "witness"]);
    return new Witness(await embedded.connect(), subscriber);
  }

  /** Resolves once `count` more messages have arrived. */
  async sees(count: number): Promise<void> {
    const target = this.exchanged + count;
    await Promise.race([
      this.#loop,
      eventually(
        () => this.exchanged >= target,
        () => `${this.exchanged} of ${target}`,
      ),
    ]);
  }

  /** @throws where a message was late, lost or not as it was sent. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#loop;
  }

  async #exchange(publisher: RawClient, subscriber: RawClient): Promise<void> {
    while (!this.#isOver) {
      publisher.send(Op.PUB, "witness", this.exchanged);
      let came = await subscriber.next();
      while (came[0] === Op.FOR || came[0] === Op.PING) came = await subscriber.next();
      if (came[1] !== "witness" || came[2] !== this.exchanged) throw new Error(`the witness saw ${String(came)}`);
      this.exchanged++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

/** `count` publishes to `topic`, whose payload is a number and `bytes` of ballast, as one piece. */
export function numbered(topic: string, from: number, count: number, bytes: number): Buffer {
  const ballast = Buffer.alloc(bytes);
  return Buffer.concat(Array.from({ length: count }, (_, i) => frame(Op.PUB, topic, from + i, null, ballast)));
}

/** The next `count` numbers that {@link numbered} made, as they come to `client`; other frames are skipped. */
export async function numbers(client: RawClient, count: number): Promise<number[]> {
  const came = await client.take(Op.PUB, count);
  return came.map((elements) => elements[2] as number);
}

/** 0 … `count` - 1. */
export function upTo(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

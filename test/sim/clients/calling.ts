// A client that asks: responders, in bursts, and some of the broker's own topics; it cancels, and changes queues.

import type { CallPlan } from "../plan.ts";
import { encode, Op, type Options, payloadOf, type Read } from "../wire.ts";
import type { RawClient, Role } from "./raw.ts";

export class Calling implements Role {
  readonly #client: RawClient;
  readonly #plan: CallPlan;
  readonly #asked = new Set<number>();

  constructor(client: RawClient, plan: CallPlan) {
    this.#client = client;
    this.#plan = plan;
  }

  get isDone(): boolean {
    return this.#asked.size === 0;
  }

  connected(): void {}

  came({ op, elements }: Read): void {
    if (op === Op.REPLY && elements[2] !== 1) this.#asked.delete(elements[1] as number);
    else if (op === Op.ERR && typeof elements[1] === "number") this.#asked.delete(elements[1]);
  }

  step(): boolean {
    const { random } = this.#client;
    const { topics, queues, cancelPercent, burst } = this.#plan;
    if (queues.length > 0) this.#administer(random.pick(queues));
    if (topics.length > 0) this.#ask();
    if (burst > 100) this.#client.world.faults.hit("request-flood");
    for (const id of this.#asked) {
      if (!random.percent(cancelPercent)) continue;
      this.#asked.delete(id);
      this.#client.send(Op.CANCEL, id);
      if (random.percent(50)) this.#client.sync();
    }
    return true;
  }

  #ask(): void {
    const { random, world } = this.#client;
    const { topics, burst, timeoutMs } = this.#plan;
    const frames: Buffer[] = [];
    for (let i = random.between(1, burst); i > 0; i--) {
      // A flood of what is dear has the broker interrupt its turn, and act upon what it has read later than the oracle can see.
      const topic = random.pick(burst > 100 ? topics.slice(0, 1) : topics);
      const id = this.#client.number();
      this.#asked.add(id);
      if (topic.startsWith("$")) {
        frames.push(encode(Op.REQ, id, topic, topic === "$sys.wait" ? { topic: "c", timeoutMs: 50 } : {}, null, 0));
        continue;
      }
      const payload = payloadOf(world.nextUid(), random.below(4), 20);
      const headers = random.percent(20) ? { traceparent: "00-1" } : null;
      frames.push(
        random.percent(50)
          ? encode(Op.REQ, id, topic, payload, headers, timeoutMs)
          : encode(Op.REQ, id, topic, payload),
      );
    }
    this.#client.write(Buffer.concat(frames));
  }

  #administer(queue: string): void {
    const { random } = this.#client;
    const [topic, options] = random.pick<readonly [string, Options]>([
      ["show", {}],
      ["show", {}],
      ["purge", {}],
      ["remove", {}],
      ["update", { maxMessages: random.between(1, 20) }],
    ]);
    const id = this.#client.number();
    this.#asked.add(id);
    this.#client.send(Op.REQ, id, `$sys.queue.${topic}`, { queue, ...options });
  }

  disconnected(): void {
    this.#asked.clear();
  }

  finish(): void {
    for (const id of this.#asked) {
      if (!this.#client.random.percent(20)) continue;
      this.#asked.delete(id);
      this.#client.send(Op.CANCEL, id);
    }
  }
}

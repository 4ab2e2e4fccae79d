// A client that publishes: in bursts, to topics in XOFF or not, with the headers that queues heed, and with mistakes.

import type { PublishPlan } from "../plan.ts";
import { encode, Op, type Options, payloadOf, type Read } from "../wire.ts";
import type { RawClient, Role } from "./raw.ts";

/** Ids that are remembered; and of how many one comes again: the older ones are confirmed. */
const MOST_IDS = 60;
const EACH = 3;

export class Publishing implements Role {
  readonly #client: RawClient;
  readonly #plan: PublishPlan;
  readonly #off = new Set<string>();
  #lastId = "";
  /** Ids that it has used, the last of them; and how many of those come again, now that it has a new connection. */
  #recentIds: string[] = [];
  #again = 0;
  readonly isDone = true;

  constructor(client: RawClient, plan: PublishPlan) {
    this.#client = client;
    this.#plan = plan;
  }

  connected(): void {}

  came({ op, elements }: Read): void {
    if (op === Op.XOFF) this.#off.add(elements[1] as string);
    else if (op === Op.XON) this.#off.delete(elements[1] as string);
  }

  step(): boolean {
    const { random } = this.#client;
    const { topics, burst, obeys, syncPercent, badPercent } = this.#plan;
    const frames: Buffer[] = [];
    const count = random.between(1, burst);
    for (let i = 0; i < count; i++) {
      const topic = random.pick(topics);
      if (obeys && this.#off.has(topic)) continue;
      frames.push(random.percent(badPercent) ? this.#bad() : this.#frame(topic));
    }
    if (frames.length > 0) this.#client.write(Buffer.concat(frames));
    if (random.percent(syncPercent)) this.#client.sync();
    if (random.percent(2)) this.#client.send(Op.PING);
    return frames.length > 0;
  }

  #frame(topic: string): Buffer {
    const { random, world } = this.#client;
    const { retainPercent, bytes, form } = this.#plan;
    const isRetain = random.percent(retainPercent);
    const uid = world.nextUid();
    const size = bytes > 64 && random.percent(50) ? random.below(bytes) : bytes;
    const payload = isRetain && random.percent(10) ? null : payloadOf(uid, form, size);
    let headers = this.#headers();
    if (payload === null) headers = { ...headers, u: uid };
    const op = isRetain ? Op.RETAIN : Op.PUB;
    return headers === undefined ? encode(op, topic, payload) : encode(op, topic, payload, headers);
  }

  #headers(): Options | undefined {
    const { random, world } = this.#client;
    const { ids, keys, ttlPercent, delayPercent, duplicatePercent } = this.#plan;
    const headers: Record<string, string | number> = {};
    if (keys > 0 && random.percent(80)) headers["key"] = `k${random.below(keys)}`;
    if (ids) {
      if (this.#lastId === "" || !random.percent(duplicatePercent)) this.#lastId = `id-${world.nextUid()}`;
      headers["id"] = this.#again > 0 ? this.#recentIds[this.#recentIds.length - EACH * this.#again--]! : this.#lastId;
      if (this.#recentIds.at(-1) !== this.#lastId) this.#recentIds.push(this.#lastId);
      if (this.#recentIds.length > MOST_IDS) this.#recentIds.shift();
    }
    if (random.percent(ttlPercent)) headers["ttlMs"] = random.pick([1, 30, 300, 100_000]);
    if (random.percent(delayPercent)) headers["delayMs"] = random.pick([1, 20, 200]);
    return Object.keys(headers).length === 0 ? undefined : headers;
  }

  /** What is refused, and leaves the connection open. */
  #bad(): Buffer {
    const { random, world } = this.#client;
    const topic = random.pick(["a..b", "a.*", ">", "", "a b", "$sys.x", "$x", "x".repeat(256), ".a"]);
    return encode(Op.PUB, topic, world.nextUid());
  }

  disconnected(): void {
    this.#off.clear();
    // As one would that does not know what has come.
    this.#again = Math.floor(this.#recentIds.length / EACH);
  }

  finish(): void {}
}

// What a raw client is delivered, with the context that FOR gave: subscription, number, attempt.

import type { Element } from "./msgpack.ts";
import { Op, type RawClient } from "./raw-client.ts";

export interface Delivery {
  readonly sid: number;
  /** 0 where messages are not numbered. */
  readonly seq: number;
  readonly attempt: number;
  readonly topic: string;
  readonly payload: Element;
  readonly headers: Element | undefined;
}

/** The deliveries of one client, of all of its subscriptions, in order. GAPs are kept beside them. */
export class Deliveries {
  readonly #client: RawClient;
  #sid = 0;
  #seq = 0;
  #attempt = 1;
  /** The GAPs that came: of which subscription, how many were lost, and how many deliveries had come before. */
  readonly gaps: { sid: number; lost: number; after: number }[] = [];
  /** Other frames that came: errors, XOFF and XON, OK. */
  readonly others: Element[][] = [];
  #count = 0;

  constructor(client: RawClient) {
    this.#client = client;
  }

  /** The next `count` deliveries. */
  async take(count: number): Promise<Delivery[]> {
    const taken: Delivery[] = [];
    while (taken.length < count) {
      const delivery = this.#read(await this.#client.next());
      if (delivery !== undefined) taken.push(delivery);
    }
    return taken;
  }

  /** The payloads of the next `count`. */
  async payloads(count: number): Promise<Element[]> {
    return (await this.take(count)).map(({ payload }) => payload);
  }

  /** All that comes before the OK of a SYNC. */
  async synced(): Promise<Delivery[]> {
    const { before } = await this.#client.sync();
    return before.map((elements) => this.#read(elements)).filter((delivery) => delivery !== undefined);
  }

  /** All that came and was not taken, as far as it is here. */
  pending(): Delivery[] {
    return this.#client
      .pending()
      .map((elements) => this.#read(elements))
      .filter((delivery) => delivery !== undefined);
  }

  #read(elements: Element[]): Delivery | undefined {
    const [op] = elements;
    if (op === Op.FOR) {
      this.#sid = elements[1] as number;
      this.#seq = (elements[2] as number | undefined) ?? 0;
      this.#attempt = (elements[3] as number | undefined) ?? 1;
    } else if (op === Op.GAP) {
      this.gaps.push({ sid: elements[1] as number, lost: elements[2] as number, after: this.#count });
    } else if (op === Op.PUB || op === Op.RETAIN) {
      this.#count++;
      const seq = this.#seq === 0 ? 0 : this.#seq++;
      return {
        sid: this.#sid,
        seq,
        attempt: this.#attempt,
        topic: elements[1] as string,
        payload: elements[2]!,
        headers: elements[3],
      };
    } else if (op !== Op.PING) {
      this.others.push(elements);
    }
    return undefined;
  }
}

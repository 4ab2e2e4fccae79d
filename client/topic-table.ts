// The topics that are published to, each checked and encoded once. Bounded: random topics can't grow it.

import { FrameWriter } from "../shared/codec/write.ts";
import { PodbusError } from "../shared/errors.ts";
import { Op } from "../shared/protocol.ts";
import { checkTopic, isSystemTopic } from "../shared/topic.ts";
import type { Hold } from "./hold.ts";

const MAX_TOPICS = 4096;

export interface Topic {
  readonly name: string;
  /** The topic as a msgpack str. */
  readonly encoded: Uint8Array;
  /** How a publish of bytes to it begins: frame header, op PUB, topic; in big-endian words, the last of which may reach beyond. */
  readonly start: Int32Array;
  readonly startBytes: number;
  /** While the broker holds it (XOFF). */
  hold: Hold | undefined;
}

export class TopicTable {
  #topics = new Map<string, Topic>();
  /** Grows with those that are held, so that looking through them stays rare. */
  #limit = MAX_TOPICS;

  /** @throws PodbusError `bad_topic`, or `not_allowed` for the broker's own topics. */
  get(name: string): Topic {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    checkTopic(name);
    if (isSystemTopic(name)) {
      throw new PodbusError(
        "not_allowed",
        `topics that begin with $ are the broker's own: ${name} can't be published to`,
      );
    }
    if (this.#topics.size >= this.#limit) this.#forget();
    const start = new FrameWriter(64).frame(3, Op.PUB).str(name);
    const startBytes = start.length;
    start.reserve(4);
    const words = Int32Array.from({ length: Math.ceil(startBytes / 4) }, (_, i) => start.view.getInt32(4 * i));
    const topic: Topic = { name, encoded: start.bytes().subarray(2), start: words, startBytes, hold: undefined };
    this.#topics.set(name, topic);
    return topic;
  }

  /** Those that are held must stay: whoever publishes to one has to find its hold. */
  #forget(): void {
    const kept = new Map<string, Topic>();
    for (const [name, topic] of this.#topics) if (topic.hold !== undefined) kept.set(name, topic);
    this.#topics = kept;
    this.#limit = Math.max(MAX_TOPICS, kept.size * 2);
  }
}

// Publishes in a plain loop, as fast as it is let: it waits where `publish` returns a promise. After a warm-up comes a marked message
// from which on the rate counts, and at the end a tail of marked ones.

import { loadSide, type Messages, type Sender, type SideWith } from "../sides/side.ts";
import { FIRST, LAST, newPayload, stamp } from "../stamp.ts";
import type { Control, Role } from "./role.ts";

export interface PublishParams {
  readonly side: SideWith<Messages>;
  readonly address: string;
  /** Taken in turn. */
  readonly topics: readonly string[];
  readonly bytes: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** Ends it sooner: after so many messages. @default none */
  readonly most?: number;
  /** How many marked messages end it. */
  readonly tail: number;
}

export interface PublishResult {
  readonly sent: number;
  /** How many came before the first that counts. */
  readonly warmUp: number;
}

/** The clock is read once in so many messages. */
const CLOCK_MASK = 63;

export const publish: Role<PublishParams, PublishResult> = async (params, control) => {
  const sender = await (await loadSide(params.side)).sender(params.address);
  const payload = newPayload(params.bytes);
  return publishFor(params, sender, control, (topic, number, marks) => {
    stamp(payload, number, marks);
    return sender.publish(topic, payload);
  });
};

type PublishOne = (topic: string, number: number, marks: number) => void | Promise<void>;

/** The loop itself, whatever is published. */
export async function publishFor(
  { topics, warmUpMs, durationMs, most = Infinity, tail }: Omit<PublishParams, "side" | "bytes">,
  sender: Pick<Sender, "flush">,
  control: Control,
  one: PublishOne,
): Promise<PublishResult> {
  control.ready();
  await control.told("go");
  let number = 0;
  const until = async (endMs: number): Promise<void> => {
    while (number < most) {
      const sent = one(topics[number % topics.length]!, number, 0);
      number++;
      if (sent !== undefined) await sent;
      else if ((number & CLOCK_MASK) !== 0) continue;
      if (performance.now() >= endMs) return;
    }
  };
  const startMs = performance.now();
  await until(startMs + warmUpMs);
  const warmUp = number;
  await one(topics[number % topics.length]!, number++, FIRST);
  await until(startMs + warmUpMs + durationMs);
  for (let i = 0; i < tail; i++) await one(topics[number % topics.length]!, number++, LAST);
  await sender.flush();
  return { sent: number, warmUp };
}

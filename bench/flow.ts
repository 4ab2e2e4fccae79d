// One publisher, any number of receivers, one in the middle: the frame of most scenarios, the same for both sides.

import { setTimeout as sleep } from "node:timers/promises";

import { needSettled } from "./books.ts";
import { cpuNs } from "./cpu.ts";
import type { Worker } from "./processes.ts";
import type { Measure } from "./scenarios/scenario.ts";
import type { Messages, ReceiveOptions, SideWith } from "./sides/side.ts";
import { checkShares, type TallyResult } from "./tally.ts";

export interface Flow {
  readonly bytes: number;
  /** Published to in turn. @default one */
  readonly topics?: readonly string[];
  /** @default the topic */
  readonly pattern?: string;
  /** Processes, each of which receives everything. @default 1 */
  readonly receivers?: number;
  /** How they subscribe. Where it names a queue, they share its messages instead. */
  readonly options?: ReceiveOptions;
  /** How one more subscribes that is stopped before the first message comes, and does not count. @default none */
  readonly stopped?: ReceiveOptions;
}

export const TOPIC = "bench.messages";

/** A queue's members get marked messages in parts, so that many are needed for each to know its end. */
const SHARED_TAIL = 4096;

/**
 * Measures `rate`: deliveries a second, over all receivers, between the first and the last message that count; and `cpu`: the seconds of
 * processor time that a million of those, as they were sent, cost the process in the middle.
 */
export function measureFlow(side: SideWith<Messages>, flow: Flow): Measure {
  const { bytes, topics = [TOPIC], pattern = TOPIC, receivers: count = 1, options = {}, stopped } = flow;
  const shared = options.queue !== undefined;
  return async ({ stage, durationMs, warmUpMs }) => {
    const { address, pid } = await stage.middle(side, shared ? "share" : "copy");
    const params = { side, address, pattern, bytes, options };
    const receivers = await Promise.all(Array.from({ length: count }, () => stage.worker("receive", params)));
    if (stopped !== undefined) (await stage.worker("receive", { ...params, options: stopped })).stop();
    const tail = shared ? SHARED_TAIL : 1;
    const publisher = await stage.worker("publish", { side, address, topics, bytes, warmUpMs, durationMs, tail });
    publisher.tell("go");
    await Promise.race([sleep(warmUpMs), publisher.result]);
    const warmNs = cpuNs(pid);
    const { sent, warmUp } = await publisher.result;
    // A member that got nothing for a while takes it that the others have the rest; which holds once the books say so.
    if (options.ack === true) await needSettled({ side, address, topic: pattern, queue: options.queue! }, sent);
    const tallies = await collect(receivers, sent);
    const cpu = (cpuNs(pid) - warmNs) / 1e9 / ((sent - warmUp) / 1e6);
    return { cpu, rate: shared ? rateOfShares(tallies, sent, warmUp) : rateOfCopies(tallies, sent, warmUp) };
  };
}

/** Has each receiver wait for what was sent, and tell its books. */
async function collect(receivers: readonly Worker<"receive">[], sent: number): Promise<TallyResult[]> {
  for (const receiver of receivers) receiver.tell("expect", sent);
  return Promise.all(receivers.map((receiver) => receiver.result));
}

/** Of receivers that each got everything. Throws where one did not. */
export function rateOfCopies(tallies: readonly TallyResult[], sent: number, warmUp: number): number {
  for (const { fault, count } of tallies) {
    if (fault !== undefined) throw new Error(fault);
    if (count !== sent) throw new Error(`${sent} messages were sent and ${count} came`);
  }
  return (tallies.length * (sent - warmUp - 1)) / elapsed(tallies);
}

/** Of the members of a queue. Throws where their shares are not the whole. */
function rateOfShares(tallies: readonly TallyResult[], sent: number, warmUp: number): number {
  const fault = checkShares(tallies, sent);
  if (fault !== undefined) throw new Error(fault);
  return (sent - warmUp - 1) / elapsed(tallies);
}

/** Seconds from the first message that counts, wherever it came, to the last. */
function elapsed(tallies: readonly TallyResult[]): number {
  const firsts = tallies.map(({ firstNs }) => firstNs).filter((ns) => ns > 0);
  return (Math.max(...tallies.map(({ lastNs }) => lastNs)) - Math.min(...firsts)) / 1e9;
}

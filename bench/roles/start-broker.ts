// Starts a process and takes the time: of a bare Node that does nothing, from its start to its end; of a broker, from its start until
// the first message has come to a subscriber. The clients are in this process, which was there before, as containers may be; they
// are loaded, and try to connect from the start.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

import { connect } from "../../client/index.ts";
import type { Role } from "./role.ts";

export interface StartBrokerParams {
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  /** Where the broker will listen; undefined for a process that just ends. */
  readonly address: string | undefined;
}

/** Resolves with milliseconds. */
export const startBroker: Role<StartBrokerParams, number> = async (
  { command: [program, ...args], address },
  control,
) => {
  control.ready();
  await control.told("go");
  const startMs = performance.now();
  const child = spawn(program, args, { stdio: ["pipe", "ignore", "inherit"] });
  if (address === undefined) {
    await once(child, "exit");
    return performance.now() - startMs;
  }
  try {
    await firstMessage(address);
    return performance.now() - startMs;
  } finally {
    await end(child);
  }
};

async function firstMessage(address: string): Promise<void> {
  const topic = "bench.first";
  const [subscriber, publisher] = await Promise.all([connect({ address }), connect({ address })]);
  let came = (): void => {};
  const delivered = new Promise<void>((resolve) => {
    came = resolve;
  });
  await subscriber.subscribe(topic, () => came()).ready;
  await publisher.publish(topic, "hello");
  await delivered;
  await Promise.all([subscriber.close(), publisher.close()]);
}

async function end(child: ChildProcess): Promise<void> {
  child.stdin!.end();
  child.kill("SIGTERM");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

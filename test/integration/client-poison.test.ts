// Messages that end the process of their worker: they become dead letters, and what was done before them, or waits behind them, does not.

import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { connect, type Bus } from "../../client/index.ts";
import { eventually, Running, startBroker } from "../support/processes.ts";

const CLIENT = fileURLToPath(new URL("../../dist/client/index.js", import.meta.url));
const MESSAGES = 60;
const POISON = 20;

/** Runs a worker whose handler is `handler`, until it is ended by a message or by the test. */
function work(address: string, handler: string): Running {
  const options = `{ queue: "q", ack: true, keep: true, maxAttempts: 3, deadLetter: "dead" }`;
  const code = `import { connect } from ${JSON.stringify(CLIENT)};
    const bus = await connect({ address: ${JSON.stringify(address)} });
    bus.subscribe("job", ${options}, ${handler});`;
  return new Running(process.execPath, ["--input-type=module", "-e", code]);
}

async function counts(bus: Bus): Promise<Record<string, unknown>> {
  return (await bus.request("$sys.queue.show", { queue: "q" })) as Record<string, unknown>;
}

const KINDS = [
  ["at once", `({ data }) => { if (data === ${POISON}) process.kill(process.pid, "SIGKILL"); }`],
  [
    "in a promise that needs no time",
    `async ({ data }) => { if (data === ${POISON}) process.kill(process.pid, "SIGKILL"); }`,
  ],
  [
    "after some time",
    `async ({ data }) => {
      if (data === ${POISON}) process.kill(process.pid, "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 2));
    }`,
  ],
] as const;

test.each(KINDS)(
  "handlers that are done %s",
  async (_kind, handler) => {
    await using broker = await startBroker();
    const { address } = broker;
    await using bus = await connect({ address });
    const dead: unknown[] = [];
    await bus.subscribe("dead", ({ data, headers }) => void dead.push([data, headers["deadReason"]])).ready;
    const keeper = bus.subscribe("job", { queue: "q", ack: true, keep: true, maxAttempts: 3, deadLetter: "dead" });
    await keeper.ready;
    await keeper.unsubscribe();
    for (let i = 0; i < MESSAGES; i++) await bus.publish("job", i);
    await bus.flush();
    for (let deaths = 0; dead.length === 0; deaths++) {
      // At the most one for each that is done in the moment before the poisoned one, and those of the poisoned one itself.
      expect(deaths).toBeLessThan(POISON + 4);
      await using worker = work(address, handler);
      await Promise.race([worker.ended, eventually(async () => (await counts(bus))["settled"] === MESSAGES - 1)]);
    }
    await using worker = work(address, handler);
    await eventually(async () => (await counts(bus))["settled"] === MESSAGES - 1);
    expect(dead).toEqual([[POISON, "attempts"]]);
    expect(await counts(bus)).toMatchObject({ accepted: MESSAGES, dead: 1, waiting: 0, inFlight: 0 });
    await worker.stop("SIGKILL");
  },
  120_000,
);

// Beside what people put next to their workers today: Redis, NATS, and HTTP on localhost, each used for speed as its documentation says.

import { type Flow, measureFlow } from "../flow.ts";
import { nats } from "../peers/nats.ts";
import { redis } from "../peers/redis.ts";
import type { Program } from "../programs.ts";
import type { Messages, SideWith } from "../sides/side.ts";
import { requestScenario } from "./request.ts";
import type { Bar, Scenario } from "./scenario.ts";

const BYTES = 128;
const WORKERS = 4;

const oneToOne: Flow = { bytes: BYTES };
const workQueue: Flow = { bytes: BYTES, receivers: WORKERS, options: { queue: "bench", ack: true } };

export const peers: readonly Scenario[] = [
  flowScenario("redis-queue", { name: "Redis streams", side: "redisStreams", needs: redis.program }, workQueue, {
    of: "ratio",
    at: "least",
    value: 10,
  }),
  flowScenario("jetstream-queue", { name: "JetStream", side: "jetStream", needs: nats.program }, workQueue),
  flowScenario("redis-pubsub", { name: "Redis", side: "redisPubSub", needs: redis.program }, oneToOne),
  flowScenario("nats", { name: "NATS", side: "nats", needs: nats.program }, oneToOne),
  { ...requestScenario("nats-request", 1, undefined, { name: "NATS", side: "nats" }), needs: nats.program },
  requestScenario("http-request", 1, undefined, { name: "HTTP", side: "http" }),
];

interface Base {
  readonly name: string;
  readonly side: SideWith<Messages>;
  readonly needs: Program;
}

function flowScenario(name: string, base: Base, flow: Flow, bar?: Bar): Scenario {
  return {
    name,
    what: `${flow === workQueue ? `acknowledged queue of ${WORKERS}` : "one to one"}, ${BYTES} B, against ${base.name}`,
    needs: base.needs,
    metrics: [{ key: "rate", unit: "msg/s", ...(bar && { bar }) }],
    base: { name: base.name, measure: measureFlow(base.side, flow) },
    bus: measureFlow("bus", flow),
  };
}

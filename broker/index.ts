// podbus/broker: the broker inside a program of one's own, for tests and one-process set-ups.

export { type Broker, createBroker, type ListeningBroker } from "./broker.ts";
export type { Counts } from "./core/counters.ts";
export type { Stats } from "./core/sys/stats.ts";
export type { BrokerLogger, BrokerOptions } from "./options.ts";
export { type ErrorCode, PodbusError } from "../shared/errors.ts";

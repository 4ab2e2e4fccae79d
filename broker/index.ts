// podbus/broker: the broker inside a program of one's own, for tests and one-process set-ups.

export { type Broker, createBroker, type ListeningBroker } from "./broker.ts";
export type { Counts } from "./core/counters.ts";
export { checkConfig, type ConfigReport } from "./check.ts";
export type { Power, Rule, Subject, Verb, Who } from "./core/rules.ts";
export type { Stats } from "./core/sys/stats.ts";
export type { BrokerLogger, BrokerOptions } from "./options.ts";
export { readRules } from "./policy.ts";
export { type Action, ACTIONS, decide, type Decision, needsObject } from "./rules/decide.ts";
export { RulesError } from "./rules/problem.ts";
export type { RuleSet } from "./rules/read.ts";
export { type ErrorCode, PodbusError } from "../shared/errors.ts";

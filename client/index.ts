// podbus: the client. Everything that is public is listed here.

export { ApplicationError } from "./application-error.ts";
export type { Bus, DrainOptions, PublishOptions, Receivers, WaitOptions } from "./bus.ts";
export { connect } from "./connect.ts";
export type {
  BlockedEvent,
  BusEvent,
  CloseEvent,
  ConnectEvent,
  DisconnectEvent,
  ErrorEvent,
  EventName,
  EventOf,
  GapEvent,
  ReconnectEvent,
  UnblockedEvent,
} from "./events.ts";
export type { Message } from "./message.ts";
export type { ConnectOptions } from "./options.ts";
export type { RequestOptions } from "./request.ts";
export type { Request } from "./request-message.ts";
export type { RequestHandler, RespondOptions, Responder } from "./responder.ts";
export type { Overflow, SubscribeOptions } from "./subscribe-options.ts";
export type { Handler, Subscription } from "./subscription.ts";
export type { AnyTopics, Call, Untyped } from "./topics.ts";
export type { Headers, Scalar } from "../shared/codec/value.ts";
export { type ErrorCode, PodbusError } from "../shared/errors.ts";

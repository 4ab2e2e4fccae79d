// What `connect()` gives: the whole of the client, by name. It checks what it is given and passes it on.

import type { Headers } from "../shared/codec/value.ts";
import { PodbusError } from "../shared/errors.ts";
import { checkOptionNames } from "../shared/option-names.ts";
import { DEFAULT_WAIT_MS, Op } from "../shared/protocol.ts";
import { checkPattern, checkTopic } from "../shared/topic.ts";
import { orAbort, throwIfAborted } from "./abort.ts";
import { ApplicationError } from "./application-error.ts";
import { MAX_TIMEOUT_MS } from "./calls.ts";
import { type Core } from "./core.ts";
import type { EventName, EventOf } from "./events.ts";
import { headersProblem } from "./headers.ts";
import { callSpec, checkTimeout, encode, Replies, requestOne, type RequestOptions } from "./request.ts";
import { type RequestHandler, type RespondOptions, Responder } from "./responder.ts";
import { checkConcurrency, checkSubscribeOptions, type SubscribeOptions } from "./subscribe-options.ts";
import { type Handler, Subscription } from "./subscription.ts";
import type { AnyTopics, Incoming, Outgoing, Response } from "./topics.ts";

const PUBLISH_OPTIONS: ReadonlySet<string> = new Set(["headers", "retain", "confirm"]);
const RESPOND_OPTIONS: ReadonlySet<string> = new Set(["concurrency", "signal"]);
const REQUEST_OPTIONS: ReadonlySet<string> = new Set(["timeoutMs", "signal", "headers"]);
const WAIT_OPTIONS: ReadonlySet<string> = new Set(["for", "timeoutMs", "signal"]);
const FLUSH_OPTIONS: ReadonlySet<string> = new Set(["signal"]);
const DRAIN_OPTIONS: ReadonlySet<string> = new Set(["timeoutMs", "signal"]);

export interface PublishOptions {
  /** Sent along; subscribers find them in `headers`. @default none */
  headers?: Headers | undefined;
  /** The broker keeps the message as the topic's latest value; `null` clears it. @default false */
  retain?: boolean | undefined;
  /**
   * Resolve with the number of receivers once the broker has the message, and send it again where the connection breaks before.
   * A header `id` is added where there is none. @default false
   */
  confirm?: boolean | undefined;
}

export interface WaitOptions {
  /** Whom to wait for. @default "any": somebody who subscribes or responds */
  for?: "any" | "responder" | undefined;
  /** How long, in milliseconds; 0: for ever. @default 30000 */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** How many of each match a topic. The members of a queue count as one queue. */
export interface Receivers {
  readonly subscriptions: number;
  readonly queues: number;
  readonly responders: number;
}

export interface DrainOptions {
  /** How long to wait, in milliseconds, before the bus is closed all the same; 0: for ever. @default 30000 */
  timeoutMs?: number | undefined;
  /** Closes the bus at once. */
  signal?: AbortSignal | undefined;
}

const DEFAULT_DRAIN_MS = 30_000;

export class Bus<Topics extends object = AnyTopics> implements AsyncDisposable {
  readonly #core: Core;

  /** A bus is made by `connect()`. */
  constructor(core: Core) {
    this.#core = core;
  }

  /** The broker's address. */
  get address(): string {
    return this.#core.options.address.text;
  }

  /** The number by which the broker knows the connection; another one after a reconnect. */
  get client(): number {
    return this.#core.greeting?.client ?? 0;
  }

  /** Resolves when the bus is closed: with undefined where its owner closed it, else with why. */
  get closed(): Promise<PodbusError | undefined> {
    return this.#core.closed;
  }

  /**
   * Publishes. Returns undefined where there was room, and otherwise a promise that resolves once there is: `await` is always
   * right, and costs nothing when nothing is blocked. Who does not await may be ahead by `maxBuffered` bytes, and by twice as many
   * at the most. With `confirm`: a promise of the number of receivers.
   * @throws PodbusError `bad_topic`, `bad_payload`, `too_large`, `limit`, `not_allowed`, `closed`; with `confirm` as a rejection
   */
  publish<Topic extends string>(
    topic: Topic,
    data: Outgoing<Topics, Topic>,
    options: PublishOptions & { confirm: true },
  ): Promise<number>;
  publish<Topic extends string>(
    topic: Topic,
    data: Outgoing<Topics, Topic>,
    options?: PublishOptions & { confirm?: false | undefined },
  ): void | Promise<void>;
  publish<Topic extends string>(
    topic: Topic,
    data: Outgoing<Topics, Topic>,
    options?: PublishOptions,
  ): void | Promise<void> | Promise<number>;
  publish(topic: string, data: unknown, options?: PublishOptions): void | Promise<void> | Promise<number> {
    if (options === undefined) return this.#core.publisher.publish(topic, data);
    checkOptionNames("publish()", options, PUBLISH_OPTIONS);
    const { headers, retain, confirm } = options;
    const op = retain === true ? Op.RETAIN : Op.PUB;
    const problem = headersProblem(headers);
    if (problem !== undefined) {
      if (confirm === true) return Promise.reject<number>(problem);
      throw problem;
    }
    if (confirm !== true) return this.#core.publisher.publish(topic, data, op, headers);
    const id = headers?.["id"] ?? this.#core.env.uniqueId();
    return this.#core.publisher.publishConfirmed(topic, data, op, { ...headers, id });
  }

  /**
   * Subscribes to a topic or pattern, with a handler or, without one, for a `for await` loop. Takes effect at once; `ready` tells
   * when the broker has it.
   * @throws PodbusError `bad_pattern`, `bad_option`, `aborted`, `closed`
   */
  subscribe<Pattern extends string>(
    pattern: Pattern,
    handler: Handler<Incoming<Topics, Pattern>>,
  ): Subscription<Incoming<Topics, Pattern>>;
  subscribe<Pattern extends string>(
    pattern: Pattern,
    options?: SubscribeOptions,
    handler?: Handler<Incoming<Topics, Pattern>>,
  ): Subscription<Incoming<Topics, Pattern>>;
  subscribe(pattern: string, second?: SubscribeOptions | Handler, third?: Handler): Subscription {
    const options = typeof second === "function" ? {} : { ...second };
    const handler = typeof second === "function" ? second : third;
    this.#core.checkOpen();
    checkPattern(pattern);
    checkSubscribeOptions(options, handler !== undefined);
    if (handler !== undefined) checkHandler("subscribe", handler);
    throwIfAborted(options.signal, `the subscription to ${pattern}`);
    const subscription = new Subscription(this.#core, pattern, options, handler);
    this.#core.add(Subscription.subscriberOf(subscription));
    return subscription;
  }

  /**
   * Answers requests to a topic or pattern: with what the handler returns, or, an item a reply, with what it iterates over.
   * @throws PodbusError `bad_pattern`, `bad_option`, `aborted`, `closed`
   */
  respond<Pattern extends string>(
    pattern: Pattern,
    handler: RequestHandler<Incoming<Topics, Pattern>, Response<Topics, Pattern>>,
    options: RespondOptions = {},
  ): Responder {
    this.#core.checkOpen();
    checkPattern(pattern);
    checkHandler("respond", handler);
    checkOptionNames("respond()", options, RESPOND_OPTIONS);
    checkConcurrency(options.concurrency);
    throwIfAborted(options.signal, `the responder to ${pattern}`);
    const responder = new Responder(this.#core, pattern, handler as RequestHandler, options);
    this.#core.add(Responder.subscriberOf(responder));
    return responder;
  }

  /**
   * Asks one of the responders to a topic, and resolves with its first reply.
   * @throws PodbusError `no_responders`, `responder_gone`, `timeout`, `application` (an {@link ApplicationError}: its handler threw),
   * `disconnected` (whether it was done is not known), `aborted`, …
   */
  async request<Topic extends string>(
    topic: Topic,
    data?: Outgoing<Topics, Topic>,
    options: RequestOptions = {},
  ): Promise<Response<Topics, Topic>> {
    checkOptionNames("request()", options, REQUEST_OPTIONS);
    const { timeoutMs = this.#core.options.timeoutMs, headers, signal } = options;
    const spec = callSpec(topic, data, { timeoutMs, headers });
    return (await requestOne(this.#core.calls, spec, signal)) as Response<Topics, Topic>;
  }

  /**
   * Asks one of the responders to a topic, and gives all its replies, up to the last; a last one of nil is the end of a stream, and
   * not given. The request is sent when the loop begins; leaving the loop cancels it.
   * @throws PodbusError as {@link request}, from the loop; what is wrong with an argument at once
   */
  requestMany<Topic extends string>(
    topic: Topic,
    data?: Outgoing<Topics, Topic>,
    options: RequestOptions = {},
  ): AsyncIterableIterator<Response<Topics, Topic>, undefined> {
    checkOptionNames("requestMany()", options, REQUEST_OPTIONS);
    const { timeoutMs = this.#core.options.timeoutMs, headers, signal } = options;
    const spec = callSpec(topic, data, { timeoutMs, headers });
    return new Replies(this.#core.calls, spec, signal) as AsyncIterableIterator<Response<Topics, Topic>, undefined>;
  }

  /**
   * Resolves once somebody subscribes or responds to a topic, with how many do.
   * @throws PodbusError `timeout`, `aborted`, `closed`
   */
  async waitFor(topic: string, options: WaitOptions = {}): Promise<Receivers> {
    checkOptionNames("waitFor()", options, WAIT_OPTIONS);
    const { for: whom = "any", timeoutMs = DEFAULT_WAIT_MS, signal } = options;
    checkTopic(topic);
    checkWhom(whom);
    checkTimeout(timeoutMs);
    const args: Record<string, unknown> = { topic };
    if (whom === "responder") args["for"] = whom;
    // The broker's own limit can't be "none": a wait for ever is one that is longer than anybody's.
    args["timeoutMs"] = timeoutMs === 0 ? MAX_TIMEOUT_MS : Math.max(1, Math.ceil(timeoutMs));
    const spec = {
      topic: "$sys.wait",
      elements: encode("$sys.wait", args, undefined),
      timeoutMs,
      timedByBroker: false,
      repeats: true,
    };
    try {
      return (await requestOne(this.#core.calls, spec, signal, `waitFor(${topic})`)) as Receivers;
    } catch (error) {
      const isTimeout = error instanceof ApplicationError || (error instanceof PodbusError && error.code === "timeout");
      if (!isTimeout) throw error;
      const did = whom === "responder" ? "responded" : "subscribed or responded";
      throw new PodbusError("timeout", `nobody ${did} to ${topic} within ${timeoutMs} ms`, { cause: error });
    }
  }

  /**
   * Resolves once the broker has acted upon all that was published before.
   * @throws PodbusError the first refusal of a publish that no `error` listener heard of; `disconnected` where the connection broke
   * and publishes may not have arrived
   */
  async flush(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    checkOptionNames("flush()", options, FLUSH_OPTIONS);
    throwIfAborted(options.signal, "flush()");
    await this.#core.flush(options.signal);
  }

  /**
   * Ends in order: no new messages and requests are taken, handlers finish what had come, what was published goes out, and the bus is
   * closed. Not to be awaited by a handler. Closes the bus in any case.
   * @throws PodbusError as {@link flush}; `timeout`, `aborted`
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    checkOptionNames("drain()", options, DRAIN_OPTIONS);
    const { timeoutMs = DEFAULT_DRAIN_MS, signal } = options;
    checkTimeout(timeoutMs);
    const core = this.#core;
    const draining = core.drain();
    draining.catch(() => {});
    let cancel = (): void => {};
    const late = new Promise<never>((_resolve, reject) => {
      if (timeoutMs === 0) return;
      cancel = core.env.after(timeoutMs, () => {
        reject(new PodbusError("timeout", `the bus could not be drained within ${timeoutMs} ms, and was closed`));
      });
    });
    try {
      await orAbort(Promise.race([draining, late]), signal, "drain()");
    } catch (error) {
      await core.close();
      throw error;
    } finally {
      cancel();
    }
  }

  /**
   * Closes now. What was published and could be sent is sent; handlers under way go on, and nobody waits for them. Everything
   * that waits rejects with `closed`; a {@link drain} under way is over.
   */
  close(): Promise<void> {
    return this.#core.close();
  }

  /** As {@link drain}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  /** Listens to an event. One that throws is an uncaught exception. */
  on<Name extends EventName>(name: Name, listener: (event: EventOf<Name>) => void): this {
    this.#core.emitter.on(name, listener);
    return this;
  }

  /** Listens to the next event of that name. */
  once<Name extends EventName>(name: Name, listener: (event: EventOf<Name>) => void): this {
    this.#core.emitter.once(name, listener);
    return this;
  }

  /** Listens no more. */
  off<Name extends EventName>(name: Name, listener: (event: EventOf<Name>) => void): this {
    this.#core.emitter.off(name, listener);
    return this;
  }
}

function checkWhom(whom: unknown): void {
  if (whom === "any" || whom === "responder") return;
  throw new PodbusError("bad_option", `for must be "any" or "responder", but this is ${JSON.stringify(whom)}`);
}

function checkHandler(method: string, handler: unknown): void {
  if (typeof handler === "function") return;
  throw new PodbusError(
    "bad_option",
    `${method}() takes a function as its handler, but this is ${handler === null ? "null" : typeof handler}`,
  );
}

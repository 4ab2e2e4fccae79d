// A responder as its owner has it, and the way from what its handler returns to REPLY frames.

import { PodbusError } from "../shared/errors.ts";
import { ReplyStatus } from "../shared/protocol.ts";
import { abortError, onAbort } from "./abort.ts";
import type { ErrorEvent } from "./events.ts";
import { isThenable, type Work } from "./handlers/consumer.ts";
import { ParallelHandlers } from "./handlers/parallel.ts";
import { SerialHandler } from "./handlers/serial.ts";
import { Request } from "./request-message.ts";
import { Subscriber, type SubscriberHost } from "./subscriber.ts";
import { codeOf, messageOf } from "./thrown.ts";
import type { Untyped } from "./topics.ts";

/**
 * Answers a request with what it returns: a value, a promise of one, or an async iterable, each item of which is a reply of its
 * own. What it throws is answered as an error, with its `message` and its `code`.
 */
export type RequestHandler<Data = Untyped, Result = unknown> = (
  request: Request<Data>,
) => Result | PromiseLike<Result> | AsyncIterable<Result>;

export interface RespondOptions {
  /** Handlers that run at once, 1 or more; 1 answers in order. @default no limit here; the broker gives a responder up to 1024 */
  concurrency?: number | undefined;
  /** Ends the responder when it aborts. */
  signal?: AbortSignal | undefined;
}

export interface ResponderHost extends SubscriberHost {
  /** Writes a REPLY, unless the connection that the request came by is gone. @throws PodbusError `bad_payload`, `too_large` */
  reply(request: Request, status: number, payload: unknown): void;
  /** Resolves once there is room for more. */
  room(): Promise<void> | undefined;
  /** The request will get no further reply. */
  answered(request: Request): void;
  emit(event: ErrorEvent): void;
}

const STREAMED = Symbol("streamed");

export class Responder implements AsyncDisposable {
  /** The topic or pattern. */
  readonly pattern: string;
  readonly #subscriber: Subscriber<Request>;
  readonly #host: ResponderHost;

  /** Responders are made by `respond()`. */
  constructor(host: ResponderHost, pattern: string, handler: RequestHandler, options: RespondOptions) {
    this.pattern = pattern;
    this.#host = host;
    const subscriber = new Subscriber<Request>(host, {
      pattern,
      fixedTopic: pattern.includes("*") || pattern.includes(">") ? undefined : pattern,
      wireOptions: { respond: true },
      queue: undefined,
      acks: false,
      plain: false,
      answers: true,
      transient: false,
      seqOf: () => undefined,
      refused: (error) => host.emit({ type: "error", where: "subscription", error, topic: pattern }),
    });
    this.#subscriber = subscriber;
    const { scope } = host;
    const work: Work<Request> = {
      isTracking: () => scope.tracking,
      call: (request) => this.#streamIfIterable(request, scope.run(subscriber, handler, request)),
      succeeded: (request, result) => {
        try {
          this.#end(request, result);
        } catch (error) {
          this.#fail(request, error); // what it returned can't be sent
        }
      },
      failed: (request, error) => this.#fail(request, error),
      gap: () => {},
    };
    const { inbox } = subscriber;
    subscriber.consumer =
      options.concurrency === 1
        ? new SerialHandler(inbox, work)
        : new ParallelHandlers(inbox, work, options.concurrency ?? Infinity);
    this.#listen(options.signal);
  }

  /** Resolves once the broker has the responder; rejects with why it does not. */
  get ready(): Promise<void> {
    return this.#subscriber.ready;
  }

  /** Resolves when the responder has ended: with undefined where its owner ended it, else with why. */
  get closed(): Promise<PodbusError | undefined> {
    return this.#subscriber.over;
  }

  /** Ends the responder: no new requests come. What has come is answered. */
  unsubscribe(): Promise<void> {
    return this.#subscriber.unsubscribe();
  }

  /** As {@link unsubscribe}, and resolves once everything that had come is answered. */
  drain(): Promise<void> {
    return this.#subscriber.drain();
  }

  /** As {@link unsubscribe}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  /** For the client: what it registers. @internal */
  static subscriberOf(responder: Responder): Subscriber<Request> {
    return responder.#subscriber;
  }

  #streamIfIterable(request: Request, result: unknown): unknown {
    if (isAsyncIterable(result)) return this.#stream(request, result);
    if (!isThenable(result)) return result;
    return result.then((value) => (isAsyncIterable(value) ? this.#stream(request, value) : value));
  }

  async #stream(request: Request, replies: AsyncIterable<unknown>): Promise<typeof STREAMED> {
    for await (const reply of replies) {
      if (Request.isCancelled(request)) return STREAMED;
      this.#host.reply(request, ReplyStatus.MORE, reply);
      await this.#host.room();
    }
    this.#end(request, undefined);
    return STREAMED;
  }

  #end(request: Request, result: unknown): void {
    if (result === STREAMED) return;
    this.#host.reply(request, ReplyStatus.LAST, result);
    this.#host.answered(request);
  }

  #fail(request: Request, error: unknown): void {
    this.#host.reply(request, ReplyStatus.ERROR, describe(error));
    this.#host.answered(request);
  }

  #listen(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const stop = onAbort(signal, () => {
      void this.#subscriber.unsubscribe(abortError(signal, `the responder to ${this.pattern}`));
    });
    void this.closed.then(stop);
  }
}

/** Text that is no larger than it has to be: an error's message may quote what was too large. */
const MAX_MESSAGE = 4096;

function describe(thrown: unknown): { message: string; code?: string } {
  const message = messageOf(thrown).slice(0, MAX_MESSAGE);
  const code = codeOf(thrown);
  return code === undefined ? { message } : { message, code };
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

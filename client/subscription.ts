// A subscription as its owner has it: handler or loop, and its end. What happens on the wire is client/subscriber.ts.

import { PodbusError } from "../shared/errors.ts";
import { abortError, onAbort } from "./abort.ts";
import { type Consumer, isThenable, type Work } from "./handlers/consumer.ts";
import { Iteration } from "./handlers/iteration.ts";
import { type Keys, ParallelHandlers } from "./handlers/parallel.ts";
import { SerialHandler } from "./handlers/serial.ts";
import { Message } from "./message.ts";
import { keyed } from "./partition-key.ts";
import { type SubscribeOptions, wireOptions } from "./subscribe-options.ts";
import { Subscriber, type SubscriberHost } from "./subscriber.ts";
import type { ErrorEvent, GapEvent } from "./events.ts";
import type { Untyped } from "./topics.ts";
import { Upkeep } from "./upkeep.ts";

/** Work that takes so long is worth a write of its own once it is done. */
const LONG_MS = 1;

/** Takes a message. What it returns is awaited if it is a promise; then the message is done. */
export type Handler<Data = Untyped> = (message: Message<Data>) => unknown;

export interface SubscriptionHost extends SubscriberHost {
  /** Resolves when the bus is closed. */
  readonly closed: Promise<unknown>;
  emit(event: GapEvent | ErrorEvent): void;
}

export class Subscription<Data = Untyped> implements AsyncIterable<Message<Data>, undefined>, AsyncDisposable {
  /** The topic or pattern. */
  readonly pattern: string;
  readonly options: Readonly<SubscribeOptions>;
  readonly #subscriber: Subscriber<Message<Data>>;
  readonly #iteration: Iteration<Message<Data>> | undefined;
  #isIterated = false;

  /** Subscriptions are made by `subscribe()`. */
  constructor(host: SubscriptionHost, pattern: string, options: SubscribeOptions, handler: Handler<Data> | undefined) {
    this.pattern = pattern;
    this.options = options;
    const isAcked = options.ack === true;
    const subscriber = new Subscriber<Message<Data>>(host, {
      pattern,
      fixedTopic: pattern.includes("*") || pattern.includes(">") ? undefined : pattern,
      wireOptions: wireOptions(options),
      queue: options.queue,
      acks: isAcked,
      plain: options.queue === undefined,
      answers: false,
      transient: options.transient === true,
      seqOf: (message) => Message.unsettled(message)?.seq,
      refused: (error) => host.emit({ type: "error", where: "subscription", error, subscription: this }),
    });
    this.#subscriber = subscriber;
    const { scope, acks } = host;
    const upkeep = isAcked && options.autoWorking !== false ? new Upkeep(host.env, options.ackTimeoutMs) : undefined;
    if (upkeep !== undefined) {
      void this.closed.then(() => upkeep.finish());
      void host.closed.then(() => upkeep.stop());
    }
    const work: Work<Message<Data>> = {
      isTracking: () => scope.tracking,
      call: (message) => {
        if (isAcked) acks.beforeHandler();
        const result = scope.run(subscriber, handler!, message);
        if (upkeep !== undefined && isThenable(result)) upkeep.begin(message);
        return result;
      },
      succeeded: (message) => {
        const workedMs = upkeep?.end(message) ?? 0;
        if (!isAcked) return;
        if (!message.settled) message.ack();
        if (workedMs >= LONG_MS || message.attempt > 1) acks.hurry();
      },
      failed: (message, error) => {
        upkeep?.end(message);
        if (isAcked && !message.settled) message.retry();
        if (isAcked) acks.hurry();
        host.emit({ type: "error", where: "handler", error, subscription: this, message });
      },
      gap: ({ lost, why }) => host.emit({ type: "gap", subscription: this, lost, why }),
    };
    const { inbox } = subscriber;
    let consumer: Consumer<Message<Data>>;
    if (handler === undefined) {
      this.#iteration = new Iteration(inbox, work, {
        left: () => subscriber.unsubscribe(),
        isOpen: (message) => isAcked && !(message as Message).settled,
        pass: (isInside) => scope.enter(isInside ? subscriber : undefined),
      });
      consumer = this.#iteration;
    } else {
      const concurrency = options.concurrency ?? 1;
      const keyOf = keyed(options.partitionBy);
      const keys: Keys<Message<Data>> | undefined = keyOf && {
        keyOf,
        // The broker takes the oldest of what we hold for what we work on, and its time runs.
        waits: (message, isWaiting) => void (isWaiting ? upkeep?.begin(message) : upkeep?.end(message)),
      };
      consumer =
        concurrency === 1 ? new SerialHandler(inbox, work) : new ParallelHandlers(inbox, work, concurrency, keys);
    }
    subscriber.consumer = consumer;
    this.#listen(options.signal);
  }

  /** Resolves once the broker has the subscription; rejects with why it does not. */
  get ready(): Promise<void> {
    return this.#subscriber.ready;
  }

  /** Resolves when the subscription has ended: with undefined where its owner ended it, else with why. */
  get closed(): Promise<PodbusError | undefined> {
    return this.#subscriber.over;
  }

  /**
   * Ends the subscription at once. Handlers under way go on; messages that wait are dropped, or with `ack` given back. Resolves
   * once nothing more comes; a handler may await it.
   */
  unsubscribe(): Promise<void> {
    return this.#subscriber.unsubscribe();
  }

  /**
   * Ends the subscription, and resolves when the handlers are done with what had come (with `ack`: with what they work on; the rest
   * is given back). A loop gets what had come, and ends. Not to be awaited by a handler of this subscription.
   */
  drain(): Promise<void> {
    return this.#subscriber.drain();
  }

  /** Messages, in order. Leaving the loop ends the subscription. @throws PodbusError `bad_option` with a handler, or a second time */
  [Symbol.asyncIterator](): AsyncIterator<Message<Data>, undefined> {
    if (this.#iteration === undefined) {
      throw new PodbusError(
        "bad_option",
        "this subscription has a handler; subscribe without one to loop over the messages",
      );
    }
    if (this.#isIterated) {
      throw new PodbusError("bad_option", "this subscription has a loop already; subscribe once more for another");
    }
    this.#isIterated = true;
    return this.#iteration;
  }

  /** As {@link unsubscribe}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  /** For the client: what it registers. @internal */
  static subscriberOf<Data>(subscription: Subscription<Data>): Subscriber<Message<Data>> {
    return subscription.#subscriber;
  }

  #listen(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const stop = onAbort(signal, () => {
      void this.#subscriber.unsubscribe(abortError(signal, `the subscription to ${this.pattern}`));
    });
    void this.closed.then(stop);
  }
}

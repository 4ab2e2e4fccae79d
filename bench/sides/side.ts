// What the sides of a comparison can do: the bus, the relay, and the peers that people use instead. A role is written once against it, so
// that all sides run the same loops and differ in what carries the bytes, and in nothing else.

import type { SampleObject } from "../sample-object.ts";

/** Takes the payload in `buf[start, end)`, which is valid during the call. */
export type TakeBytes = (buf: Uint8Array, start: number, end: number) => void;

export interface Sender {
  /** A promise where the caller is to wait for room. What it gave may be used again at once. */
  publish(topic: string, payload: Buffer): void | Promise<void>;
  /** Resolves once all of it has left this process. */
  flush(): Promise<void>;
}

interface ObjectSender extends Pick<Sender, "flush"> {
  publishObject(topic: string, object: SampleObject): void | Promise<void>;
}

interface Caller {
  /** Resolves with the answer, which is valid until the event loop reads again. */
  call(topic: string, payload: Buffer): Promise<Uint8Array>;
}

/** How a receiver subscribes. The relay knows none of it; its hub is told to `share` where there is a queue. */
export interface ReceiveOptions {
  /** The queue that this receiver shares with others. */
  readonly queue?: string;
  readonly ack?: boolean;
  readonly overflow?: "drop-oldest";
  /** What comes is valid during the call only, as the relay's is anyway. */
  readonly transient?: boolean;
}

/** What has become of the messages of a queue. */
export interface QueueCounts {
  readonly waiting: number;
  readonly inFlight: number;
  /** Acknowledged. */
  readonly settled: number;
  /** Absent where nothing is delivered again unless somebody asks for it. */
  readonly redelivered?: number;
}

/** Publishing and subscribing. */
export interface Messages {
  sender(address: string): Promise<Sender>;
  /** Resolves once everything that is published from then on comes here. */
  receive(address: string, pattern: string, options: ReceiveOptions, take: TakeBytes): Promise<void>;
}

/** Queues whose messages are acknowledged. */
export interface Queues extends Messages {
  /** Asks for the books of a queue on a topic, from outside as any client may. */
  counts(address: string, topic: string, queue: string): Promise<QueueCounts>;
}

export interface Requests {
  caller(address: string): Promise<Caller>;
  /** Answers each request with what it holds. */
  answer(address: string, topic: string): Promise<void>;
}

/** Publishing objects and subscribing to them. */
export interface Objects {
  objectSender(address: string): Promise<ObjectSender>;
  receiveObjects(address: string, pattern: string, take: (object: SampleObject) => void): Promise<void>;
}

interface Sides {
  readonly bus: Queues & Requests & Objects;
  readonly relay: Messages & Requests & Objects;
  readonly redisPubSub: Messages;
  readonly redisStreams: Queues;
  readonly nats: Messages & Requests;
  readonly jetStream: Queues;
  readonly http: Requests;
}

export type SideName = keyof Sides;

/** The sides that can do all of `Part`. */
export type SideWith<Part> = { [Name in SideName]: Sides[Name] extends Part ? Name : never }[SideName];

const sides: { readonly [Name in SideName]: () => Promise<Sides[Name]> } = {
  bus: async () => (await import("./bus.ts")).bus,
  relay: async () => (await import("./relay.ts")).relay,
  redisPubSub: async () => (await import("./redis-pub-sub.ts")).redisPubSub,
  redisStreams: async () => (await import("./redis-streams.ts")).redisStreams,
  nats: async () => (await import("./nats.ts")).nats,
  jetStream: async () => (await import("./jet-stream.ts")).jetStream,
  http: async () => (await import("./http.ts")).http,
};

/** Loads one side, so that a process of the relay holds nothing of the client. */
export async function loadSide<Name extends SideName>(name: Name): Promise<Sides[Name]> {
  return sides[name]();
}

// What both sides of a comparison, the bus and the relay, can do. A role is written once against it, so that both sides run the same
// loops and differ in what carries the bytes, and in nothing else.

import type { SampleObject } from "../sample-object.ts";

export type SideName = "bus" | "relay";

/** Takes the payload in `buf[start, end)`, which is valid during the call. */
type TakeBytes = (buf: Buffer, start: number, end: number) => void;

export interface Sender {
  /** A promise where the caller is to wait for room. What it gave may be used again at once. */
  publish(topic: string, payload: Buffer): void | Promise<void>;
  publishObject(topic: string, object: SampleObject): void | Promise<void>;
  /** Resolves once all of it has left this process. */
  flush(): Promise<void>;
}

interface Caller {
  /** Resolves with the answer, which is valid until the event loop reads again. */
  call(topic: string, payload: Buffer): Promise<Buffer>;
}

/** How a receiver subscribes. The relay knows none of it; its hub is told to `share` where there is a queue. */
export interface ReceiveOptions {
  /** The queue that this receiver shares with others. */
  readonly queue?: string;
  readonly ack?: boolean;
  readonly overflow?: "drop-oldest";
}

export interface Side {
  sender(address: string): Promise<Sender>;
  /** Resolves once everything that is published from then on comes here. */
  receive(address: string, pattern: string, options: ReceiveOptions, take: TakeBytes): Promise<void>;
  receiveObjects(address: string, pattern: string, take: (object: SampleObject) => void): Promise<void>;
  caller(address: string): Promise<Caller>;
  /** Answers each request with what it holds. */
  answer(address: string, topic: string): Promise<void>;
}

/** Loads one side, so that a process of the relay holds nothing of the client. */
export async function loadSide(name: SideName): Promise<Side> {
  return name === "bus" ? (await import("./bus.ts")).bus : (await import("./relay.ts")).relay;
}

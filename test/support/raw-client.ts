// A client that knows frames and nothing else: it sends what a test says, byte for byte, and gives back what came, in order. It
// answers no PING, keeps no subscription and repairs nothing, so that a test sees all that the broker does.

import { once } from "node:events";
import type { Socket } from "node:net";

import { parseAddress } from "../../shared/address.ts";
import { connectSocket } from "../../shared/os/connect.ts";
import { type Decoded, decodeFirst, type Element, type Elements, ext1, Ext, Float, frame, valueIn } from "./msgpack.ts";
import { Op } from "./ops.ts";

export { Op };

/** How long a frame that a test waits for may take. */
const PATIENCE_MS = 15_000;

/** What the broker says of itself in its HELLO. */
export interface Greeting {
  readonly [option: string]: unknown;
  readonly client: number;
  readonly maxFrame: number;
}

export interface RawOptions {
  /** The client's name, or false to say nothing at all after connecting. @default no name */
  hello?: string | false;
}

export class RawClient implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #frames: Decoded[] = [];
  #rest: Buffer[] = [];
  #restBytes = 0;
  #wake: () => void = () => {};
  #hasEnded = false;
  #nextId = 1_000_000;
  /** What the broker said first. */
  greeting: Greeting = { client: 0, maxFrame: 0 };
  /** Frames that came, the opening among them. */
  received = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
    socket.on("error", () => this.#end());
  }

  static async connect(address: string, { hello = "" }: RawOptions = {}): Promise<RawClient> {
    const client = new RawClient(await connectSocket(parseAddress(address)));
    if (hello !== false) await client.open(hello);
    return client;
  }

  /** Does the opening. */
  async open(name: string): Promise<void> {
    const [op, version, options] = await this.next();
    if (op !== Op.HELLO || version !== 1) throw new Error(`a HELLO of version 1 was expected, not op ${String(op)}`);
    this.greeting = valueIn(options) as Greeting;
    if (name === "") this.send(Op.HELLO, 1);
    else this.send(Op.HELLO, 1, ext1({ name }));
    const answer = await this.next();
    if (answer[0] !== Op.OK || answer[1] !== 0) throw new Error(`OK 0 was expected, not ${show(answer)}`);
  }

  /** Sends one frame. */
  send(...elements: Elements): void {
    this.#socket.write(frame(...elements));
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Resolves once the kernel has taken all that was sent. */
  async flushed(): Promise<void> {
    while (this.#socket.writableLength > 0) await once(this.#socket, "drain");
  }

  /** Whether the broker has ended the stream. */
  get isOver(): boolean {
    return this.#hasEnded;
  }

  /** Bytes that were sent and that the kernel did not take. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** The next frame, its elements. @throws where the stream ends first, or nothing comes. */
  async next(): Promise<Element[]> {
    return (await this.nextFrame()).elements;
  }

  /** The next frame, with its bytes. */
  async nextFrame(): Promise<Decoded> {
    for (const deadline = Date.now() + PATIENCE_MS; ;) {
      const first = this.#frames.shift();
      if (first !== undefined) return first;
      if (this.#hasEnded) throw new Error("the stream ended where a frame was expected");
      await this.#more(deadline, "a frame was expected, and none came");
    }
  }

  /** Frames, until one satisfies `isLast`, which is the last of them. */
  async until(isLast: (elements: Element[]) => boolean): Promise<Element[][]> {
    const seen: Element[][] = [];
    for (;;) {
      const elements = await this.next();
      seen.push(elements);
      if (isLast(elements)) return seen;
    }
  }

  /** The next `count` frames of op `op`; others are skipped. */
  async take(op: number, count: number): Promise<Element[][]> {
    const seen: Element[][] = [];
    while (seen.length < count) {
      const elements = await this.next();
      if (elements[0] === op) seen.push(elements);
    }
    return seen;
  }

  /** SYNC: what came before its OK, and its count. */
  async sync(): Promise<{ before: Element[][]; count: number }> {
    const id = this.#nextId++;
    this.send(Op.SYNC, id);
    const seen = await this.until(([op, ref]) => (op === Op.OK || op === Op.ERR) && ref === id);
    const [op, , count] = seen.pop()!;
    if (op !== Op.OK) throw new Error("SYNC was answered with an error");
    return { before: seen, count: count as number };
  }

  /** Resolves once the broker has handled all that was sent. What came before is still there to be taken. */
  async handled(): Promise<void> {
    const id = this.#nextId++;
    this.send(Op.SYNC, id);
    const isAnswer = ({ elements: [op, ref] }: Decoded): boolean => (op === Op.OK || op === Op.ERR) && ref === id;
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.#frames.some(isAnswer)) {
      if (this.#hasEnded) throw new Error("the stream ended where the answer to a SYNC was expected");
      await this.#more(deadline, "a SYNC was to be answered, and was not");
    }
    const [answer] = this.#frames.splice(this.#frames.findIndex(isAnswer), 1);
    if (answer?.elements[0] !== Op.OK) throw new Error("SYNC was answered with an error");
  }

  /** Waits for a PONG: what came before it. Empty where the broker had nothing to say. */
  async ping(): Promise<Element[][]> {
    this.send(Op.PING);
    const seen = await this.until(([op]) => op === Op.PONG);
    return seen.slice(0, -1);
  }

  /** Asks, and returns the value of the answer. */
  async ask(topic: string, args: Record<string, Element> = {}): Promise<Record<string, unknown>> {
    const id = this.#nextId++;
    this.send(Op.REQ, id, topic, ext1(args));
    const answer = await this.next();
    if (answer[0] !== Op.REPLY || answer[1] !== id) throw new Error(`a REPLY was expected, not ${show(answer)}`);
    return valueIn(answer[3]) as Record<string, unknown>;
  }

  /** What has come and was not taken. */
  pending(): Element[][] {
    return this.#frames.splice(0).map(({ elements }) => elements);
  }

  /** Resolves once the broker has ended the stream. Frames that came before are kept. */
  async closed(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.#hasEnded) await this.#more(deadline, "the stream was to end, and did not");
  }

  /** Stops reading: the kernel's buffer fills, then the broker's. */
  stopReading(): void {
    this.#socket.pause();
  }

  startReading(): void {
    this.#socket.resume();
  }

  /** Ends its own half of the stream, behind what was sent. */
  end(): void {
    this.#socket.end();
  }

  /** Closes at once: what came and was not read is thrown away. */
  destroy(): void {
    this.#socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.closed) return;
    const closed = once(this.#socket, "close");
    this.#socket.destroy();
    await closed;
  }

  #read(chunk: Buffer): void {
    this.#rest.push(chunk);
    this.#restBytes += chunk.length;
    let buf = this.#rest.length === 1 ? chunk : Buffer.concat(this.#rest, this.#restBytes);
    for (;;) {
      const decoded = decodeFirst(buf);
      if (decoded === undefined) break;
      this.#frames.push(decoded);
      this.received++;
      buf = buf.subarray(decoded.bytes.length);
    }
    this.#rest = buf.length > 0 ? [buf] : [];
    this.#restBytes = buf.length;
    this.#wake();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  async #more(deadline: number, otherwise: string): Promise<void> {
    const leftMs = deadline - Date.now();
    if (leftMs <= 0) throw new Error(otherwise);
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, leftMs);
    });
    clearTimeout(timer);
  }
}

/** A frame on one line, for messages. */
export function show(elements: Elements): string {
  return `[${elements.map((element) => showElement(element)).join(", ")}]`;
}

function showElement(element: Element): string {
  if (element instanceof Ext) return `ext ${element.type} ${element.body.toString("hex")}`;
  if (element instanceof Float) return `float ${element.value}`;
  if (element instanceof Uint8Array) return `bin of ${element.length}`;
  return typeof element === "string" ? JSON.stringify(element) : String(element);
}

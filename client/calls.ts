// Requests that this client made and that are not answered yet. Owns their numbers, their time, and what becomes of them when the
// connection breaks. It knows neither topics' subscribers nor how a caller awaits its replies (client/request.ts). Cost a request:
// an object, a copy of its frame's end, a place in a heap of deadlines; one timer serves all.

import type { Frame } from "../shared/codec/scan.ts";
import { readPayload } from "../shared/codec/value.ts";
import type { FrameWriter } from "../shared/codec/write.ts";
import { Deadlines, type Timed } from "../shared/deadlines.ts";
import { PodbusError } from "../shared/errors.ts";
import { MAX_TIMER_MS } from "../shared/max-timer.ts";
import { MAX_ID, Op, ReplyStatus } from "../shared/protocol.ts";
import { ApplicationError } from "./application-error.ts";
import { BusyTopics } from "./busy-topics.ts";
import type { Env } from "./env.ts";
import { Later } from "./later.ts";
import type { Numbers } from "./numbers.ts";

/** The broker keeps the time; this is for a broker that does not, and leaves it a little longer. */
const GRACE_MS = 250;

/** Where replies go. */
export interface ReplySink {
  /** `bytes` are those of the payload as it came. True where more is wanted; asked only where more may come. */
  reply(payload: unknown, isLast: boolean, bytes: number): boolean;
  fail(error: PodbusError): void;
}

export interface CallSpec {
  readonly topic: string;
  /** Topic, payload and headers (or nil) as they are in the frame. */
  readonly elements: Buffer;
  /** 0: no limit. */
  readonly timeoutMs: number;
  /** Whether the broker keeps the time too. */
  readonly timedByBroker: boolean;
  /** Whether it is asked again where the connection broke under it. */
  readonly repeats: boolean;
}

export class Call implements Timed {
  readonly spec: CallSpec;
  readonly sink: ReplySink;
  /** 0 while it was not sent. */
  id = 0;
  heapIndex = -1;
  dueMs = 0;
  dueOrder = 0;

  constructor(spec: CallSpec, sink: ReplySink) {
    this.spec = spec;
    this.sink = sink;
  }
}

export interface CallsHost {
  readonly env: Env;
  readonly numbers: Numbers;
  readonly writer: FrameWriter;
  touched(): unknown;
  readonly maxBuffered: number;
}

export class Calls {
  readonly #host: CallsHost;
  readonly #sent = new Map<number, Call>();
  readonly #unsent = new Set<Call>();
  readonly #deadlines = new Deadlines<Call>();
  #unsentBytes = 0;
  readonly #busy: BusyTopics<Call>;
  #connected = false;
  #maxFrame = Infinity;
  #timerMs = Infinity;
  #cancelTimer: () => void = () => {};
  #idle: Later | undefined;
  #closed: PodbusError | undefined;

  constructor(host: CallsHost) {
    this.#host = host;
    this.#busy = new BusyTopics(host.env, {
      send: (call) => this.#sendKept(call),
      giveUp: (call, error) => this.#fail(call, error),
    });
  }

  has(id: number): boolean {
    return this.#sent.has(id);
  }

  /** Requests that were sent and are not answered. */
  get sent(): number {
    return this.#sent.size;
  }

  /** Sends a request, or keeps it until there is a connection. @throws PodbusError */
  start(spec: CallSpec, sink: ReplySink): Call {
    if (this.#closed !== undefined) throw this.#closed;
    const mayGo = this.#connected && !this.#busy.has(spec.topic);
    if (this.#connected) this.#checkSize(spec);
    if (!mayGo && this.#unsentBytes + spec.elements.length > this.#host.maxBuffered) {
      const message = `requests of ${this.#unsentBytes} bytes wait to be sent, and maxBuffered is ${this.#host.maxBuffered}; try again later`;
      throw new PodbusError("limit", message);
    }
    const call = new Call(spec, sink);
    const { timeoutMs } = spec;
    if (timeoutMs > 0) this.#deadlines.set(call, this.#host.env.nowMs() + timeoutMs);
    if (mayGo) {
      this.#send(call);
    } else {
      this.#keep(call);
      if (this.#connected) this.#busy.add(spec.topic, call);
    }
    this.#arm();
    return call;
  }

  /** The caller no longer wants it. */
  cancel(call: Call): void {
    if (call.id !== 0 && this.#sent.has(call.id)) {
      this.#host.writer.frame(2, Op.CANCEL).int(call.id);
      this.#host.touched();
    }
    this.#remove(call);
  }

  /** A REPLY to `id`. Of those that nobody waits for any more nothing becomes. */
  reply(id: number, status: number, buf: Buffer, frame: Frame): void {
    const call = this.#sent.get(id);
    if (call === undefined) return;
    const { sink, spec } = call;
    if (status !== ReplyStatus.MORE) this.#remove(call);
    const start = frame.at[3]!;
    const end = frame.at[4]!;
    let payload: unknown;
    try {
      payload = readPayload(buf, start, end);
    } catch (error) {
      if (status === ReplyStatus.MORE) this.cancel(call);
      sink.fail(error as PodbusError);
      return;
    }
    if (status === ReplyStatus.ERROR) {
      sink.fail(new ApplicationError(payload, spec.topic));
    } else if (!sink.reply(payload, status === ReplyStatus.LAST, end - start) && status === ReplyStatus.MORE) {
      this.cancel(call);
    } else if (status === ReplyStatus.MORE && spec.timeoutMs > 0) {
      this.#deadlines.set(call, this.#host.env.nowMs() + spec.timeoutMs + GRACE_MS);
    }
  }

  /** `ERR id`. False where no request has that number. */
  failed(id: number, error: PodbusError): boolean {
    const call = this.#sent.get(id);
    if (call === undefined) return false;
    if (error.code === "closing") {
      // The broker was about to end and has not passed it on: it is for the next one.
      this.#sent.delete(id);
      this.#keep(call);
    } else if (error.code === "unavailable" && this.#connected) {
      this.#sent.delete(id);
      this.#keep(call);
      this.#busy.refused(call.spec.topic, call, error);
    } else {
      this.#fail(call, error);
    }
    return true;
  }

  attach(maxFrame: number): void {
    this.#connected = true;
    this.#maxFrame = maxFrame;
    for (const call of this.#unsent) this.#sendKept(call);
    this.#arm();
  }

  /** From now on requests are kept: the broker is about to end. */
  pause(): void {
    this.#connected = false;
    this.#busy.clear();
  }

  /** The connection is gone: what was sent may have been done, or not, and is not asked again. */
  detach(why: PodbusError): void {
    this.#connected = false;
    this.#busy.clear();
    const calls = [...this.#sent.values()];
    this.#sent.clear();
    for (const call of calls) {
      if (call.spec.repeats) {
        this.#keep(call);
        continue;
      }
      this.#remove(call);
      const message = `the connection was lost before ${call.spec.topic} answered (${why.message}); whether it was done is not known`;
      call.sink.fail(new PodbusError("disconnected", message, { cause: why }));
    }
  }

  close(error: PodbusError): void {
    this.#closed = error;
    this.#connected = false;
    this.#busy.clear();
    for (const call of [...this.#sent.values(), ...this.#unsent]) {
      this.#remove(call);
      call.sink.fail(error);
    }
    this.#cancelTimer();
  }

  /** Resolves once no request is under way. */
  async idle(): Promise<void> {
    if (this.#sent.size + this.#unsent.size === 0) return;
    this.#idle ??= new Later();
    await this.#idle.promise;
  }

  #send(call: Call): void {
    const { env, numbers, writer } = this.#host;
    const { elements, timeoutMs, timedByBroker } = call.spec;
    call.id = numbers.next();
    this.#sent.set(call.id, call);
    let leftMs = 0;
    if (timeoutMs > 0) {
      leftMs = Math.max(1, Math.ceil(call.dueMs - env.nowMs()));
      this.#deadlines.set(call, call.dueMs + GRACE_MS);
    }
    writer
      .frame(timedByBroker && leftMs > 0 ? 6 : 5, Op.REQ)
      .int(call.id)
      .raw(elements);
    if (timedByBroker && leftMs > 0) writer.int(leftMs);
    this.#host.touched();
  }

  /** One that was kept. False where it is gone meanwhile, or can't be sent. */
  #sendKept(call: Call): boolean {
    if (!this.#connected || !this.#unsent.delete(call)) return false;
    this.#unsentBytes -= call.spec.elements.length;
    try {
      this.#checkSize(call.spec);
    } catch (error) {
      this.#fail(call, error as PodbusError);
      return false;
    }
    this.#send(call);
    return true;
  }

  #fail(call: Call, error: PodbusError): void {
    this.#remove(call);
    call.sink.fail(error);
  }

  #keep(call: Call): void {
    if (call.id !== 0 && call.heapIndex !== -1) this.#deadlines.set(call, call.dueMs - GRACE_MS);
    call.id = 0;
    this.#unsent.add(call);
    this.#unsentBytes += call.spec.elements.length;
  }

  #remove(call: Call): void {
    this.#deadlines.delete(call);
    if (call.id !== 0 && this.#sent.delete(call.id)) this.#busy.done(call.spec.topic);
    if (this.#unsent.delete(call)) this.#unsentBytes -= call.spec.elements.length;
    if (this.#idle === undefined || this.#sent.size + this.#unsent.size > 0) return;
    this.#idle.resolve();
    this.#idle = undefined;
  }

  #checkSize({ elements, topic }: CallSpec): void {
    // The op, the id and the time-out take at most 16 bytes more.
    if (elements.length + 16 <= this.#maxFrame) return;
    const message = `the broker takes frames of at most ${this.#maxFrame} bytes (maxFrame), but this request to ${topic} has ${elements.length}`;
    throw new PodbusError("too_large", message);
  }

  /** One timer, for the earliest; it is not moved when that one is answered, but looks again when it fires. */
  #arm(): void {
    const next = this.#deadlines.next();
    if (next >= this.#timerMs) return;
    this.#cancelTimer();
    this.#timerMs = next;
    const delayMs = Math.max(0, next - this.#host.env.nowMs());
    this.#cancelTimer = this.#host.env.after(delayMs, () => this.#expire());
  }

  #expire(): void {
    this.#timerMs = Infinity;
    const now = this.#host.env.nowMs();
    for (let call = this.#deadlines.due(now); call !== undefined; call = this.#deadlines.due(now)) {
      const { topic, timeoutMs } = call.spec;
      const why = this.#waitedFor(call);
      this.cancel(call);
      call.sink.fail(new PodbusError("timeout", `${why} ${topic} within ${timeoutMs} ms`));
    }
    this.#arm();
  }

  #waitedFor(call: Call): string {
    if (call.id !== 0) return "no answer from";
    return this.#connected ? "no responder had room for a request to" : "there was no connection to ask";
  }
}

/** The largest time-out that can be asked for: what fits an id fits a timer. */
export const MAX_TIMEOUT_MS: number = Math.min(MAX_ID, MAX_TIMER_MS);

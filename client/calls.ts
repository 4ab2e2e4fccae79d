// Requests that this client made and that are not answered yet. Owns their numbers, their time, and what becomes of them when the
// connection breaks. It knows neither topics' subscribers nor how a caller awaits its replies (client/request.ts). Cost a request:
// an object, a copy of its frame's end, a place in a heap of deadlines; one timer serves all.

import type { Frame } from "../shared/codec/scan.ts";
import { readPayload } from "../shared/codec/value.ts";
import type { FrameWriter } from "../shared/codec/write.ts";
import { Deadlines, type Timed } from "../shared/deadlines.ts";
import { PodbusError } from "../shared/errors.ts";
import { MAX_ID, Op, ReplyStatus } from "../shared/protocol.ts";
import { ApplicationError } from "./application-error.ts";
import type { Env } from "./env.ts";
import { Later } from "./later.ts";
import type { Numbers } from "./numbers.ts";

/** The broker keeps the time; this is for a broker that does not, and leaves it a little longer. */
const GRACE_MS = 250;
/** How long a request is asked again whose responders were all busy, and the longest pause between. Their buffers drain all the time. */
const BUSY_MS = 1_000;
const MAX_PAUSE_MS = 50;

/** Where replies go. */
export interface ReplySink {
  /** True where more is wanted. Asked only where more may come. */
  reply(payload: unknown, isLast: boolean): boolean;
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
  /** How often its responders were all busy, and since when. */
  refusals = 0;
  busySinceMs = 0;
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
  #connected = false;
  #maxFrame = Infinity;
  #timerMs = Infinity;
  #cancelTimer: () => void = () => {};
  #idle: Later | undefined;
  #closed: PodbusError | undefined;

  constructor(host: CallsHost) {
    this.#host = host;
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
    const bytes = spec.elements.length;
    if (this.#connected) {
      this.#checkSize(spec);
    } else if (this.#unsentBytes + bytes > this.#host.maxBuffered) {
      const message = `requests of ${this.#unsentBytes} bytes wait for a connection, and maxBuffered is ${this.#host.maxBuffered}; try again later`;
      throw new PodbusError("limit", message);
    }
    const call = new Call(spec, sink);
    const { timeoutMs } = spec;
    if (timeoutMs > 0) this.#deadlines.set(call, this.#host.env.nowMs() + timeoutMs);
    if (this.#connected) this.#send(call);
    else this.#keep(call);
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
    let payload: unknown;
    try {
      payload = readPayload(buf, frame.at[3]!, frame.at[4]!);
    } catch (error) {
      if (status === ReplyStatus.MORE) this.cancel(call);
      sink.fail(error as PodbusError);
      return;
    }
    if (status === ReplyStatus.ERROR) {
      sink.fail(new ApplicationError(payload, spec.topic));
    } else if (!sink.reply(payload, status === ReplyStatus.LAST) && status === ReplyStatus.MORE) {
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
    } else if (error.code === "unavailable" && this.#mayRetry(call)) {
      this.#sent.delete(id);
      this.#keep(call);
      const { env } = this.#host;
      env.after(env.random() * Math.min(MAX_PAUSE_MS, 2 ** call.refusals), () => this.#sendKept(call));
    } else {
      this.#remove(call);
      call.sink.fail(error);
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
  }

  /** The connection is gone: what was sent may have been done, or not, and is not asked again. */
  detach(why: PodbusError): void {
    this.#connected = false;
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

  /** One that waited for it: it may be gone, or the connection. */
  #sendKept(call: Call): void {
    if (!this.#connected || !this.#unsent.delete(call)) return;
    this.#unsentBytes -= call.spec.elements.length;
    try {
      this.#checkSize(call.spec);
      this.#send(call);
    } catch (error) {
      this.#remove(call);
      call.sink.fail(error as PodbusError);
    }
  }

  /** Nobody was asked, so that asking again does nothing twice. */
  #mayRetry(call: Call): boolean {
    const nowMs = this.#host.env.nowMs();
    if (call.refusals++ === 0) call.busySinceMs = nowMs;
    return nowMs - call.busySinceMs < BUSY_MS;
  }

  #keep(call: Call): void {
    if (call.id !== 0 && call.heapIndex !== -1) this.#deadlines.set(call, call.dueMs - GRACE_MS);
    call.id = 0;
    this.#unsent.add(call);
    this.#unsentBytes += call.spec.elements.length;
  }

  #remove(call: Call): void {
    this.#deadlines.delete(call);
    if (call.id !== 0) this.#sent.delete(call.id);
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
      const sent = call.id !== 0;
      this.cancel(call);
      const why = sent ? `no answer from ${topic}` : `there was no connection to ask ${topic}`;
      call.sink.fail(new PodbusError("timeout", `${why} within ${timeoutMs} ms`));
    }
    this.#arm();
  }
}

/** The largest time-out that can be asked for: what fits an id fits a timer. */
export const MAX_TIMEOUT_MS: number = Math.min(MAX_ID, 0x7fff_ffff);

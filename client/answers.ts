// Requests that came to this client's responders and are not answered yet, and the REPLY frames that answer them.

import { writePayload } from "../shared/codec/value.ts";
import { FrameWriter } from "../shared/codec/write.ts";
import { PodbusError } from "../shared/errors.ts";
import { Op } from "../shared/protocol.ts";
import { Request } from "./request-message.ts";

export interface AnswersHost {
  readonly writer: FrameWriter;
  touched(): unknown;
}

export class Answers {
  readonly #host: AnswersHost;
  readonly #open = new Map<number, Request>();
  #maxFrame = Infinity;

  constructor(host: AnswersHost) {
    this.#host = host;
  }

  /** Requests that are not answered. */
  get open(): number {
    return this.#open.size;
  }

  attach(maxFrame: number): void {
    this.#maxFrame = maxFrame;
  }

  came(request: Request): void {
    this.#open.set(Request.idOf(request), request);
  }

  /**
   * Writes a reply, unless nobody waits for it any more.
   * @throws PodbusError `bad_payload`, `too_large`; nothing has been written then
   */
  reply(request: Request, status: number, payload: unknown): void {
    const id = Request.idOf(request);
    if (this.#open.get(id) !== request) return;
    const w = this.#host.writer;
    const start = w.length;
    try {
      w.frame(4, Op.REPLY).int(id).int(status);
      writePayload(w, payload);
      if (w.length - start > this.#maxFrame) {
        const message = `the broker takes frames of at most ${this.#maxFrame} bytes (maxFrame), but this answer has ${w.length - start}`;
        throw new PodbusError("too_large", message);
      }
    } catch (error) {
      w.length = start;
      throw error;
    }
    this.#host.touched();
  }

  answered(request: Request): void {
    if (this.#open.get(Request.idOf(request)) === request) this.#open.delete(Request.idOf(request));
  }

  /** CANCEL. */
  cancel(id: number): void {
    const request = this.#open.get(id);
    if (request === undefined) return;
    this.#open.delete(id);
    Request.cancel(request, "the caller no longer waits for the answer");
  }

  /** The connection is gone, and everybody who waits. */
  detach(): void {
    const requests = [...this.#open.values()];
    this.#open.clear();
    for (const request of requests) Request.cancel(request, "the connection that the request came by is gone");
  }
}

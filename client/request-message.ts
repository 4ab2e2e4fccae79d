// A request as a responder's handler gets it. Its answer is what the handler returns: nothing here knows how that travels.

import type { Frame } from "../shared/codec/scan.ts";
import { PodbusError } from "../shared/errors.ts";
import { Content } from "./content.ts";
import type { Untyped } from "./topics.ts";

export class Request<Data = Untyped> extends Content<Data> {
  readonly #id: number;
  #controller: AbortController | undefined;
  #cancelled: PodbusError | undefined;

  /** Requests are made by the client. */
  constructor(fixedTopic: string | undefined, id: number, buf: Buffer, frame: Frame) {
    super(fixedTopic, buf, buf.buffer, frame, 2);
    this.#id = id;
  }

  /** Aborts once the answer is of no use: the caller gave up or is gone, its time is over, or the connection broke. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled);
    }
    return this.#controller.signal;
  }

  /** The number that the broker knows it by. */
  static idOf(request: Request): number {
    return request.#id;
  }

  static cancel(request: Request, why: string): void {
    if (request.#cancelled !== undefined) return;
    request.#cancelled = new PodbusError("aborted", why);
    request.#controller?.abort(request.#cancelled);
  }

  static isCancelled(request: Request): boolean {
    return request.#cancelled !== undefined;
  }
}

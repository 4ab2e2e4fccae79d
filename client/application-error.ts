// What a responder's handler threw, as its caller gets it.

import { PodbusError } from "../shared/errors.ts";
import { printable } from "../shared/printable.ts";

/** Code `application`. */
export class ApplicationError extends PodbusError {
  /** What the responder sent, as it came: a text, or a map with `message` and perhaps `code`. */
  readonly data: unknown;

  constructor(data: unknown, topic: string) {
    super("application", `the responder to ${topic} failed: ${printable(messageOf(data))}`);
    this.name = "ApplicationError";
    this.data = data;
  }
}

function messageOf(data: unknown): string {
  if (typeof data === "string") return data;
  if (typeof data === "object" && data !== null && "message" in data && typeof data.message === "string")
    return data.message;
  return "it did not say why";
}

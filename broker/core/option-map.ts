// Reads options from a map that came from a client. What is wrong with one is a bad_option that says what was expected.

import { OPAQUE } from "../../shared/codec/plain-read.ts";
import { quote } from "../../shared/quote.ts";
import { topicTextProblem } from "../../shared/topic.ts";
import { Refusal } from "./failure.ts";
import type { Overflow } from "./outbox.ts";
import type { PartitionBy } from "./partitions.ts";

const OVERFLOWS: readonly Overflow[] = ["block", "drop-oldest", "drop-newest", "latest", "disconnect"];

export class OptionMap {
  readonly #map: Record<string, unknown>;

  constructor(map: Record<string, unknown>) {
    this.#map = map;
  }

  /** nil means absent. */
  has(name: string): boolean {
    return Object.hasOwn(this.#map, name) && this.#map[name] !== null && this.#map[name] !== undefined;
  }

  bool(name: string, otherwise: boolean): boolean {
    if (!this.has(name)) return otherwise;
    const value = this.#map[name];
    if (typeof value !== "boolean") throw wrongOption(`${name} must be true or false, not ${shown(value)}`);
    return value;
  }

  int(name: string, least: number, otherwise: number): number {
    if (!this.has(name)) return otherwise;
    const value = this.#map[name];
    if (!Number.isSafeInteger(value) || (value as number) < least) {
      throw wrongOption(`${name} must be an integer from ${least} to 2^53 - 1, not ${shown(value)}`);
    }
    return value as number;
  }

  /** A topic, or something by the rules of one, that is not the broker's own. */
  topic(name: string, noun: string): string | undefined {
    if (!this.has(name)) return undefined;
    const value = this.#map[name];
    if (typeof value !== "string") throw wrongOption(`${name} must be a ${noun}, not ${shown(value)}`);
    const problem = topicTextProblem(value, noun);
    if (problem !== undefined) throw wrongOption(problem);
    if (value.startsWith("$")) throw wrongOption(`a ${noun} must not begin with $, as ${quote(value)} does`);
    return value;
  }

  partitionBy(): PartitionBy | undefined {
    if (!this.has("partitionBy")) return undefined;
    const value = this.#map["partitionBy"];
    if (value === "key" || (Number.isSafeInteger(value) && (value as number) >= 1)) return value as PartitionBy;
    throw wrongOption(`partitionBy must be "key" or a token's number in the topic, from 1, not ${shown(value)}`);
  }

  overflow(otherwise: Overflow): Overflow {
    if (!this.has("overflow")) return otherwise;
    const value = this.#map["overflow"];
    if (!OVERFLOWS.includes(value as Overflow)) {
      throw wrongOption(`overflow must be one of ${OVERFLOWS.join(", ")}, not ${shown(value)}`);
    }
    return value as Overflow;
  }
}

function shown(value: unknown): string {
  if (typeof value === "string") return quote(value);
  return typeof value === "object" ? "a structure" : value === OPAQUE ? "an extension" : String(value);
}

export function wrongOption(message: string): Refusal {
  return new Refusal("bad_option", message);
}

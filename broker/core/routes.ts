// Where a topic leads, found by the bytes of the topic: no string is made, nothing is matched or permitted again until the
// subscriptions change. Sets of four, so that a flood of random topics costs its sender a match each and nobody memory.
//
//   hash of the bytes ──► set ──► [ route | route | route | route ]     the coldest gives way to a new one
//
// Cost of a message: a comparison where its topic is that of the message before; else a hash over its bytes and
// a comparison, both four at a time.

import { isSystemTopicAt, topicProblem } from "../../shared/topic.ts";
import type { Outbox } from "./outbox.ts";
import type { Responder } from "./responder.ts";

const WAYS = 4;
const SETS = 2048;
/** Receivers that all routes together may name: beyond that all are matched anew. 8 MiB of references. */
const MAX_NAMED = 1024 * 1024;
/** Of routes that have to be matched anew: what they name may be gone, and should not be kept for them. */
const MAX_STALE = 16 * 1024;
const NOBODY: readonly never[] = [];

const NO_VERDICTS = new Uint8Array(0);

/** What is known of a topic. */
export class Route {
  readonly topic: string;
  readonly hash: number;
  /** Whether its first token begins with `$`: only the broker publishes and responds there. */
  readonly system: boolean;
  /** The subscriptions for which the two below were matched. */
  generation = -1;
  outboxes: readonly Outbox[] = NOBODY;
  responders: readonly Responder[] = NOBODY;
  /** What the rules of {@link rulesVersion} say of each role (access.ts). */
  verdicts: Uint8Array = NO_VERDICTS;
  rulesVersion = -1;
  /** Messages published since it was added, and their bytes. */
  published = 0;
  publishedBytes = 0;
  /** Grows with use, halves when a neighbour is replaced. */
  heat = 0;
  readonly #bytes: number;
  /** The topic four bytes at a time; the last word overlaps the one before. One that is shorter than a word is a number a byte. */
  readonly #words: Int32Array;

  constructor(topic: string, bytes: Uint8Array, hash: number, system: boolean) {
    this.topic = topic;
    this.hash = hash;
    this.system = system;
    this.#bytes = bytes.length;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#words =
      bytes.length < 4
        ? Int32Array.from(bytes)
        : Int32Array.from({ length: Math.ceil(bytes.length / 4) }, (_, i) =>
            view.getInt32(Math.min(4 * i, bytes.length - 4)),
          );
  }

  /** Whether the bytes from `start` to `end` are its topic. */
  is(view: DataView, start: number, end: number): boolean {
    const bytes = this.#bytes;
    if (end - start !== bytes) return false;
    const words = this.#words;
    if (bytes < 4) {
      for (let i = 0; i < bytes; i++) if (view.getUint8(start + i) !== words[i]) return false;
      return true;
    }
    // From the end: topics of one system begin alike.
    const last = words.length - 1;
    if (view.getInt32(end - 4) !== words[last]) return false;
    for (let i = last - 1; i >= 0; i--) if (view.getInt32(start + 4 * i) !== words[i]) return false;
    return true;
  }
}

/** Where a topic stands: bytes, and the same bytes to be read several at a time. */
export interface TopicSource {
  readonly buf: Buffer;
  readonly view: DataView;
}

/** Fills in where a route leads as things stand. */
export type Resolve = (route: Route) => void;

export class Routes {
  /** Filled by the engine: a loop of ours would have it load its compiler, 4 MiB, before there is anything to do. */
  readonly #slots: (Route | undefined)[] = Array<undefined>(SETS * WAYS).fill(undefined);
  readonly #resolve: Resolve;
  #last: Route;
  #generation = 0;
  /** Receivers that are named by routes, of this generation or one before. */
  #named = 0;
  /** How often a route was matched: once a topic and generation, never once a message. */
  resolved = 0;

  constructor(resolve: Resolve) {
    this.#resolve = resolve;
    this.#last = new Route("", new Uint8Array(0), 0, false);
  }

  /** Subscriptions, responders or rules have changed: every route is matched anew before it is used. */
  changed(): void {
    this.#generation++;
    if (this.#named > MAX_STALE) this.#forget();
  }

  /** The route of the topic in `chunk.buf[start … end)`, or what is wrong with it, in words. */
  find({ buf, view }: TopicSource, start: number, end: number): Route | string {
    const last = this.#last;
    if (last.generation === this.#generation && last.is(view, start, end)) {
      last.heat++;
      return last;
    }
    const hash = hashOf(buf, start, end);
    const set = (hash & (SETS - 1)) * WAYS;
    for (let i = set; i < set + WAYS; i++) {
      const route = this.#slots[i];
      if (route !== undefined && route.hash === hash && route.is(view, start, end)) {
        return this.#use(route);
      }
    }
    const problem = topicProblem(buf, start, end);
    if (problem !== undefined) return problem;
    return this.#use(this.#add(buf, start, end, hash, set));
  }

  /** Every route there is, in no order. */
  *all(): Iterable<Route> {
    for (const route of this.#slots) if (route !== undefined) yield route;
  }

  #use(route: Route): Route {
    if (route.generation !== this.#generation) this.#match(route);
    route.heat++;
    this.#last = route;
    return route;
  }

  #match(route: Route): void {
    this.resolved++;
    this.#named -= namedBy(route);
    this.#resolve(route);
    route.generation = this.#generation;
    this.#named += namedBy(route);
    if (this.#named <= MAX_NAMED) return;
    const { outboxes, responders } = route;
    this.#forget();
    Object.assign(route, { outboxes, responders, generation: this.#generation });
    this.#named = namedBy(route);
  }

  /** No route names anybody any longer. */
  #forget(): void {
    for (const route of this.all()) Object.assign(route, { outboxes: NOBODY, responders: NOBODY, generation: -1 });
    this.#named = 0;
  }

  #add(buf: Buffer, start: number, end: number, hash: number, set: number): Route {
    let coldest = set;
    for (let i = set; i < set + WAYS; i++) {
      const route = this.#slots[i];
      if (route === undefined) {
        coldest = i;
        break;
      }
      if (route.heat < this.#slots[coldest]!.heat) coldest = i;
      route.heat = Math.floor(route.heat / 2);
    }
    const colder = this.#slots[coldest];
    if (colder !== undefined) this.#named -= namedBy(colder);
    const bytes = Uint8Array.prototype.slice.call(buf, start, end);
    const route = new Route(buf.toString("utf8", start, end), bytes, hash, isSystemTopicAt(buf, start));
    this.#slots[coldest] = route;
    return route;
  }
}

function namedBy({ outboxes, responders }: Route): number {
  return outboxes.length + responders.length;
}

/** Multiply and rotate over four bytes at a time, mixed at the end as MurmurHash3 does (public domain, Austin Appleby). */
function hashOf(buf: Buffer, start: number, end: number): number {
  let hash = end - start;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ buf[at]!, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

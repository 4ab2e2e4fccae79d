// Makes frames and msgpack values by their grammar, with everything at the edges that the grammar allows and some that it does not:
// every width, lengths that lie, extensions, keys that name parts of every object, nesting. Frames are those of the protocol, of both
// directions, mostly with elements of the kind that their op has.

import { Random } from "../random.ts";

/** Numbers at which widths, counters and clocks change. */
const NUMBERS = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  31,
  32,
  63,
  64,
  65,
  127,
  128,
  255,
  256,
  1024,
  4096,
  30_000,
  65_535,
  65_536,
  1_000_000,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_ffff,
  0x1_0000_0000,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 62,
];
const TOPICS = [
  "a",
  "b",
  "a.b",
  "a.b.c",
  "t",
  "t.1",
  "q",
  "q.in",
  "dead",
  "r.echo",
  "$sys.ping",
  "$sys.stats",
  "$sys.clients",
];
const SYSTEM = ["ping", "stats", "clients", "topics", "queues", "wait", "check", "events.x"]
  .map((name) => `$sys.${name}`)
  .concat(["show", "purge", "remove", "update", "replay"].map((name) => `$sys.queue.${name}`));
const PATTERNS = [
  "a",
  "*",
  ">",
  "a.*",
  "a.>",
  "*.b",
  "*.*.*",
  "t.>",
  "q.*",
  "$sys.>",
  "$sys.events.>",
  "a.*.c",
  "r.echo",
];
const ODD_NAMES = [
  "",
  ".",
  "a.",
  ".a",
  "a..b",
  "a b",
  "a\u0000b",
  "*",
  ">",
  "a.>.b",
  "$",
  "ü.ö",
  "x".repeat(255),
  "x".repeat(256),
];
const KEYS: readonly string[] = (
  "queue ack keep durable prefetch concurrency ackTimeoutMs maxAttempts deadLetter overflow maxMessages maxBytes partitionBy dedupeMs retained respond name nonce proof id " +
  "key ttlMs delayMs deadQueue deadTopic topic for timeoutMs count broker auth maxFrame heartbeatMs stallMs client __proto__ constructor prototype toString hasOwnProperty then 0 length"
).split(" ");
const TEXTS = [
  "block",
  "drop-oldest",
  "drop-newest",
  "latest",
  "disconnect",
  "key",
  "responder",
  "none",
  "hmac-sha256",
  "q1",
  "q2",
];
/** Structures, timestamps, msgpackr's records and classes, and others. */
const EXT_TYPES = [1, 1, 1, 1, 0xff, 0x72, 0x65, 0x69, 0x70, 0x73, 0x78, 0x42, 0x53, 0, 2, 0x80];
const MAX_DEPTH = 6;

/** Which elements each op has, the op itself left out. */
const ELEMENTS: Record<number, readonly Kind[]> = {
  0: ["version", "options"],
  1: ["topic", "payload", "headers"],
  2: ["number", "pattern", "options"],
  3: ["number"],
  4: ["number"],
  5: ["number", "result"],
  6: ["reference", "code", "text", "topic"],
  7: ["number", "called", "payload", "headers", "int"],
  8: ["number", "status", "payload", "headers"],
  9: ["number"],
  10: ["number", "number", "number", "status"],
  11: ["number", "number", "number", "status", "int"],
  12: ["topicOrNumber", "text"],
  13: ["topicOrNumber"],
  14: ["number", "int"],
  15: [],
  16: [],
  17: ["text"],
  18: ["topic", "payload", "headers"],
};
const CODES = ["bad_frame", "limit", "unavailable", "no_responders", "closing", "timeout", "bad_auth", "of_no_version"];

type Kind =
  | "version"
  | "options"
  | "topic"
  | "called"
  | "payload"
  | "headers"
  | "number"
  | "pattern"
  | "result"
  | "reference"
  | "code"
  | "text"
  | "int"
  | "status"
  | "topicOrNumber";

/** Ops, those of a client's or a broker's stream more often than others. */
const CLIENT_OPS = [1, 1, 1, 1, 2, 2, 2, 3, 4, 4, 7, 7, 8, 9, 11, 11, 12, 13, 15, 17, 18, 18];
const BROKER_OPS = [1, 1, 1, 5, 5, 6, 6, 7, 7, 8, 8, 9, 10, 10, 10, 10, 12, 13, 14, 15, 16, 17, 18];

/** Frames are made in these: what is made is copied out before the next begins. */
const OUTER: Buffer = Buffer.alloc(64 * 1024);
const INNER: Buffer = Buffer.alloc(OUTER.length / 2);

export class Grammar {
  readonly #random: Random;
  #buf: Buffer = OUTER;
  #length = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** One frame, as `from` would send it, or nearly. */
  frame(from: "client" | "broker"): Buffer {
    const random = this.#random;
    const op = random.once(30) ? random.below(130) : random.pick(from === "client" ? CLIENT_OPS : BROKER_OPS);
    const kinds = ELEMENTS[op] ?? [];
    let count = kinds.length;
    if (random.once(3)) count -= random.below(count + 1);
    if (random.once(25)) count += random.below(6);
    this.#length = 0;
    this.#header(0x90, 0xdc, 15, 1 + count);
    this.#int(op);
    for (let i = 0; i < count; i++) {
      const kind = random.once(25) ? undefined : kinds[i];
      if (kind === undefined) this.#scalar();
      else this.#element(kind);
    }
    return this.#take();
  }

  /** One msgpack value, structures included. */
  value(): Buffer {
    this.#length = 0;
    this.#value(0);
    return this.#take();
  }

  /** A plain JavaScript structure of an application, or nearly: what is to be encoded. */
  structure(depth = 0): unknown {
    const random = this.#random;
    switch (random.below(depth > MAX_DEPTH ? 8 : 11)) {
      case 0:
        return null;
      case 1:
        return random.once(2);
      case 2:
        return random.pick(NUMBERS) * (random.once(2) ? 1 : -1);
      case 3:
        return random.next() / 1000;
      case 4:
        return random.pick(TEXTS) + "é€😀\ud800".slice(random.below(5));
      case 5:
        return Buffer.alloc(random.small(300), random.below(256));
      case 6:
        return random.once(3) ? undefined : new Date(random.next() * 1000);
      case 7:
        return random.once(2) ? BigInt(random.next()) * BigInt(random.next()) : new Map([[random.pick(KEYS), 1]]);
      case 8:
        return Array.from({ length: random.small(12) }, () => this.structure(depth + 1));
      default: {
        const map: Record<string, unknown> = {};
        for (let i = random.small(10); i > 0; i--) {
          // As JSON.parse does it: an own property, whatever its name.
          Object.defineProperty(map, random.pick(KEYS), {
            value: this.structure(depth + 1),
            enumerable: true,
            configurable: true,
            writable: true,
          });
        }
        return map;
      }
    }
  }

  #element(kind: Kind): void {
    const random = this.#random;
    switch (kind) {
      case "version":
        return this.#int(random.once(10) ? random.below(300) : 1);
      case "options":
      case "headers":
        return random.once(6) ? this.#byte(0xc0) : this.#structure();
      case "topic":
        return this.#str(random.once(12) ? random.pick(ODD_NAMES) : random.pick(TOPICS));
      case "called":
        return this.#str(random.once(2) ? random.pick(SYSTEM) : random.pick(TOPICS));
      case "pattern":
        return this.#str(random.once(12) ? random.pick(ODD_NAMES) : random.pick(PATTERNS));
      case "payload":
        return random.once(2) ? this.#structure() : this.#scalar();
      case "number":
        return this.#int(random.once(8) ? random.pick(NUMBERS) : 1 + random.below(12));
      case "reference":
        return random.once(2) ? this.#byte(0xc0) : this.#int(1 + random.below(12));
      case "int":
        return this.#int(random.pick(NUMBERS));
      case "status":
        return this.#int(random.below(5));
      case "result":
        return random.once(4) ? this.#structure() : this.#int(random.pick(NUMBERS));
      case "code":
        return this.#str(random.pick(CODES));
      case "text":
        return random.once(4) ? this.#byte(0xc0) : this.#str(random.once(2) ? "queue q1" : `client ${random.below(9)}`);
      case "topicOrNumber":
        return random.once(2) ? this.#str(random.pick(TOPICS)) : this.#int(1 + random.below(12));
    }
  }

  /** An ext 1, mostly a map. */
  #structure(): void {
    const outer = this.#buf;
    const at = this.#length;
    this.#buf = INNER;
    this.#length = 0;
    if (this.#random.once(5)) this.#value(0);
    else this.#map(0);
    const body = this.#take();
    this.#buf = outer;
    this.#length = at;
    this.#ext(1, body);
  }

  #value(depth: number): void {
    const random = this.#random;
    if (depth < MAX_DEPTH && random.once(3)) {
      if (random.once(2)) return this.#map(depth);
      const count = random.small(8);
      this.#header(0x90, 0xdc, 15, random.once(40) ? random.pick(NUMBERS) : count);
      for (let i = 0; i < count; i++) this.#value(depth + 1);
      return;
    }
    if (random.once(60)) {
      // Deep, in as many bytes as it is deep.
      for (let i = 1 + random.below(300); i > 0; i--) this.#byte(random.once(3) ? 0x81 : 0x91);
    }
    this.#scalar();
  }

  #map(depth: number): void {
    const random = this.#random;
    const count = random.small(6);
    this.#header(0x80, 0xde, 15, random.once(40) ? random.pick(NUMBERS) : count);
    for (let i = 0; i < count; i++) {
      if (random.once(12)) this.#value(depth + 1);
      else this.#str(random.pick(KEYS));
      this.#value(depth + 1);
    }
  }

  #scalar(): void {
    const random = this.#random;
    switch (random.below(9)) {
      case 0:
        return this.#byte(random.pick([0xc0, 0xc2, 0xc3, 0xc1, 0xff, 0xe0]));
      case 1:
      case 2:
        return this.#int(random.pick(NUMBERS) * (random.once(4) ? -1 : 1));
      case 3: {
        const bytes = random.once(2) ? 4 : 8;
        this.#byte(bytes === 4 ? 0xca : 0xcb);
        for (let i = 0; i < bytes; i++) this.#byte(random.next() & 0xff);
        return;
      }
      case 4:
      case 5:
        return this.#str(random.once(2) ? random.pick(TEXTS) : random.pick(TOPICS));
      case 6: {
        const body = Buffer.alloc(random.small(600), random.next() & 0xff);
        this.#header(undefined, 0xc4, 0, body.length, 3);
        return this.#raw(body);
      }
      case 7:
        return this.#ext(
          random.pick(EXT_TYPES),
          Buffer.alloc(random.pick([0, 1, 2, 4, 8, 12, 16, 17]), random.next() & 0x7f),
        );
      default:
        return this.#int(random.below(20));
    }
  }

  /** An integer in any width that holds it; seldom in one that does not. */
  #int(value: number): void {
    const random = this.#random;
    if (Number.isInteger(value) && value >= 0 && value < 0x80 && !random.once(6)) return this.#byte(value);
    const width =
      value >= 0 && value < 0x100 ? random.below(4) : value < 0x10000 && value >= 0 ? 1 + random.below(3) : 3;
    const bytes = 1 << width;
    this.#byte((value < 0 ? 0xd0 : 0xcc) + width);
    let rest = BigInt.asUintN(64, BigInt(Math.trunc(value)));
    for (let i = bytes - 1; i >= 0; i--, rest >>= 8n) this.#buf[this.#length + i] = Number(rest & 0xffn);
    this.#length += bytes;
  }

  #str(text: string): void {
    const body = Buffer.from(text);
    if (this.#random.once(40) && body.length > 0)
      body[this.#random.below(body.length)] = 0x80 | this.#random.below(128);
    this.#header(0xa0, 0xd9, 31, this.#random.once(120) ? this.#random.pick(NUMBERS) : body.length, 3);
    this.#raw(body);
  }

  #ext(type: number, body: Buffer): void {
    const fixed = [1, 2, 4, 8, 16].indexOf(body.length);
    if (fixed >= 0 && !this.#random.once(4)) this.#byte(0xd4 + fixed);
    else this.#header(undefined, 0xc7, 0, body.length, 3);
    this.#byte(type);
    this.#raw(body);
  }

  /** `fix` with a length up to `most` in it, or the first of the wider codes: of 16 and 32 bits, or of 8 too. */
  #header(fix: number | undefined, wide: number, most: number, length: number, widths: 2 | 3 = 2): void {
    const random = this.#random;
    if (fix !== undefined && length <= most && !random.once(8)) return this.#byte(fix | length);
    let step =
      length < 0x100 && widths === 3 ? random.below(3) : length < 0x10000 ? (widths === 3 ? 1 : 0) : widths - 1;
    if (widths === 2 && length < 0x10000 && random.once(4)) step = 1;
    const bytes = 1 << (step + (widths === 2 ? 1 : 0));
    this.#byte(wide + step);
    const value = length > 0xffff_ffff ? 0xffff_ffff : length;
    for (let i = 0; i < bytes; i++) this.#buf[this.#length + i] = Math.floor(value / 256 ** (bytes - 1 - i)) & 0xff;
    this.#length += bytes;
  }

  #byte(byte: number): void {
    if (this.#length + 16 > this.#buf.length) this.#length = 0; // too long to be of use: what comes is garbage
    this.#buf[this.#length++] = byte;
  }

  #raw(bytes: Buffer): void {
    if (this.#length + bytes.length + 16 > this.#buf.length) return;
    bytes.copy(this.#buf, this.#length);
    this.#length += bytes.length;
  }

  #take(): Buffer {
    return Buffer.from(this.#buf.subarray(0, this.#length));
  }
}

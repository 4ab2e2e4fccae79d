// A whole broker core in simulated time, and clients whose transport is two arrays: no socket, clock or chance but what the test
// says. A client reads when it is told to, and sees every byte.

import { Core } from "../../broker/core/core.ts";
import type { CoreOptions } from "../../broker/core/options.ts";
import type { PeerCredentials } from "../../broker/core/peer.ts";
import type { Store } from "../../broker/core/store.ts";
import type { Transport, TransportSink } from "../../broker/core/transport.ts";
import { decodeFirst, type Element, type Elements, frame } from "./msgpack.ts";

const OPTIONS: CoreOptions = {
  address: "@simulated",
  version: "0.0.0",
  pid: 0,
  brokerId: "simulated",
  maxFrame: 16 * 1024 * 1024,
  maxConnections: 1000,
  maxSubscriptions: 1000,
  maxRetained: 1000,
  maxQueues: 1000,
  maxRequests: 1000,
  handshakeMs: 5000,
  heartbeatMs: 15_000,
  stallMs: 30_000,
  headroom: 4 * 1024 * 1024,
  memoryLimit: 256 * 1024 * 1024,
  allow: "any",
  rules: undefined,
  secrets: undefined,
};

export class World {
  readonly core: Core;
  now = 0;
  /** What was logged as an error: a failing disk, or a bug of the broker. */
  readonly errors: Record<string, unknown>[] = [];
  readonly warnings: Record<string, unknown>[] = [];
  /** How often the collector was asked. */
  collections = 0;
  #alarmMs = Number.POSITIVE_INFINITY;
  #isFlushAsked = false;
  #isGoingOn = false;
  readonly #resumed: (() => void)[] = [];

  /** @param startMs the time at which it begins; a broker that is started anew goes on where the one before ended. */
  constructor(options: Partial<CoreOptions> = {}, store?: Store, startMs = 0) {
    this.now = startMs;
    this.core = new Core(
      { ...OPTIONS, ...options },
      {
        now: () => this.now,
        wallNow: () => 1_700_000_000_000 + this.now,
        random: (bytes) => Buffer.alloc(bytes, 7),
        scheduleFlush: () => {
          this.#isFlushAsked = true;
        },
        nextTurn: () => {
          this.#isGoingOn = true;
        },
        setAlarm: (atMs) => {
          this.#alarmMs = atMs;
        },
        collect: () => {
          this.collections++;
        },
        containerOf: () => undefined,
        neverOpened: () => {},
        log: (level, fields, message) => {
          if (level === "error") this.errors.push({ message, ...fields });
          else if (level === "warn") this.warnings.push({ message, ...fields });
        },
      },
      store,
    );
  }

  /** Somebody who has done the opening. */
  connect(credentials?: PeerCredentials): SimulatedClient {
    const client = this.accept(credentials);
    client.send(0, 1);
    this.run();
    client.read();
    return client;
  }

  /** Somebody who has said nothing yet. */
  accept(credentials: PeerCredentials = { uid: 1000, gid: 1000, pid: 1 }): SimulatedClient {
    const client = new SimulatedClient((resumed) => this.#resumed.push(resumed));
    const { number } = this.core.connect(client.transport, credentials);
    client.number = number;
    this.run();
    return client;
  }

  /** Lets turns end until nothing is left to do. */
  run(): void {
    for (;;) {
      const resumed = this.#resumed.shift();
      if (resumed !== undefined) resumed();
      else if (this.#isFlushAsked) {
        this.#isFlushAsked = false;
        this.core.flush();
      } else if (this.#isGoingOn) {
        this.#isGoingOn = false;
        this.core.goOn();
      } else return;
    }
  }

  /** Lets time pass, alarm by alarm. */
  advance(ms: number): void {
    const until = this.now + ms;
    while (this.#alarmMs <= until) {
      this.now = Math.max(this.now, this.#alarmMs);
      this.#alarmMs = Number.POSITIVE_INFINITY;
      this.core.alarm();
      this.run();
    }
    this.now = until;
  }

  /** accepted - (settled + inFlight + waiting + dropped + expired + dead): 0 at any moment. */
  get imbalance(): number {
    const { accepted, settled, inFlight, waiting, dropped, expired, dead } = this.core.counters();
    return accepted - (settled + inFlight + waiting + dropped + expired + dead);
  }
}

export class SimulatedClient {
  /** By which the broker knows it. */
  number = 0;
  /** Whether the peer takes bytes as they come; where not, when {@link take} says so. */
  isReading = true;
  isPaused = false;
  /** The broker has ended the stream, or closed it. */
  hasEnded = false;
  #isClosed = false;
  #sink!: TransportSink;
  readonly #later: (resumed: () => void) => void;
  #unread: Buffer[] = [];
  #writing: readonly Buffer[] | undefined;
  #came: Buffer[] = [];

  constructor(later: (resumed: () => void) => void) {
    this.#later = later;
  }

  // ── The peer's side ───────────────────────────────────────────────────────────────────────────────────────────────

  send(...elements: Elements): void {
    this.write(frame(...elements));
  }

  /** What the broker does not read, being paused, waits. */
  write(bytes: Buffer): void {
    if (this.#isClosed) return;
    this.#unread.push(bytes);
    this.#feed();
  }

  /** Takes the write that is under way. */
  take(): void {
    const writing = this.#writing;
    if (writing === undefined) return;
    this.#writing = undefined;
    this.#came.push(...writing.map((range) => Buffer.from(range)));
    this.#sink.written();
  }

  /** Takes the first bytes of the write that is under way, and leaves the rest. */
  takeSome(bytes: number): void {
    if (this.#writing === undefined) return;
    const all = Buffer.concat(this.#writing);
    if (bytes >= all.length) return this.take();
    this.#came.push(Buffer.from(all.subarray(0, bytes)));
    this.#writing = [all.subarray(bytes)];
  }

  /** The frames that came since the last call. */
  read(): Element[][] {
    let bytes = Buffer.concat(this.#came);
    const frames: Element[][] = [];
    for (let first = decodeFirst(bytes); first !== undefined; first = decodeFirst(bytes)) {
      frames.push(first.elements);
      bytes = bytes.subarray(first.bytes.length);
    }
    this.#came = [bytes];
    return frames;
  }

  /** The bytes that came since the last call. */
  bytes(): Buffer {
    const bytes = Buffer.concat(this.#came);
    this.#came = [];
    return bytes;
  }

  /** Its stream ends. */
  leave(): void {
    if (this.#isClosed) return;
    this.isPaused = false;
    this.#feed();
    if (!this.#isClosed) this.#sink.ended("the peer ended the stream");
  }

  // ── The broker's side ─────────────────────────────────────────────────────────────────────────────────────────────

  /** What the broker is given of it. */
  readonly transport: Transport = {
    open: (sink) => {
      this.#sink = sink;
    },
    write: (ranges) => {
      if (this.#writing !== undefined) throw new Error("a write is under way");
      if (!this.isReading) {
        this.#writing = ranges;
        return false;
      }
      this.#came.push(...ranges.map((range) => Buffer.from(range)));
      return true;
    },
    untakenBytes: () => (this.#writing ?? []).reduce((sum, range) => sum + range.length, 0),
    pause: () => {
      this.isPaused = true;
    },
    resume: () => {
      this.isPaused = false;
      this.#later(() => this.#feed());
    },
    end: () => {
      this.hasEnded = true;
    },
    destroy: () => {
      this.hasEnded = true;
      this.#isClosed = true;
    },
  };

  #feed(): void {
    while (!this.isPaused && !this.#isClosed && this.#unread.length > 0) {
      const bytes = this.#unread[0]!;
      const room = this.#sink.room();
      const count = Math.min(room.length, bytes.length);
      bytes.copy(room, 0, 0, count);
      if (count === bytes.length) this.#unread.shift();
      else this.#unread[0] = bytes.subarray(count);
      this.#sink.filled(count);
    }
  }
}
